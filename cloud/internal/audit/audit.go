// Package audit keeps what people did: who, from where, what, to what. Entries form a chain, each with a hash over itself
// and the hash before it, so that Verify finds one that was changed, removed, inserted or moved; with a Mark of the chain
// that was kept elsewhere (the cloud writes one a day into a file and into its log), also one that lost its end.
//
// Who, from where, to whom and in which words is personal, and people have a right to have it erased. So the chain does not
// hold these words but a seal, a salted hash of them: Erase changes the words and takes the salt away, and seal, chain and
// marks stay as they were. That it was Erase, and what is there since, is in the chain as an entry of its own.
//
// Add belongs into the transaction of the deed: both are there, or neither. The API puts the person into the context of
// every request, so a service hands its ctx on and needs nothing more:
//
//	err := s.db.Update(ctx, func(tx *sql.Tx) error {
//		… // the deed
//		return audit.Add(ctx, tx, audit.Entry{Act: "incident.take", Kind: "incident", About: in.ID, Site: in.Site,
//			Detail: map[string]string{"was": was, "now": now}})
//	})
//
// What the cloud does by itself, such as ending an emergency in time, is added with a context without a person. A deed that
// was refused is not a deed. Detail holds no passwords, no card numbers and no whole phone numbers.
package audit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/linshao/linshao/rules"
)

// A Person is who does something, and from where.
type Person struct {
	Name    string
	Role    string // the widest; link for the holder of a signed link, console for who works on the cloud's machine
	Address string // of the network; empty for the console
}

// An Entry is one deed. Seq and Hash are made by Add.
type Entry struct {
	Seq    int64
	At     time.Time // zero: now; kept in milliseconds
	Person           // zero: that of the context
	Act    string    // a word for programs, thing.verb: incident.take, user.add
	Kind   string    // what it is about: incident, user, node, gateway, …
	About  string    // its id
	Node   string    // where in the organisation; who holds the right for a part of the street sees what names its nodes or sites
	Site   string
	Text   rules.Text        // a sentence for people, where act and about do not say enough
	Detail map[string]string // what else there is to know, such as what was and what is now
	Hash   string
}

type personKey struct{}

// By answers a context whose entries are of a person.
func By(ctx context.Context, p Person) context.Context {
	return context.WithValue(ctx, personKey{}, p)
}

// Who answers the person of a context; the zero Person is the cloud itself.
func Who(ctx context.Context) Person {
	p, _ := ctx.Value(personKey{}).(Person)
	return p
}

// Add adds an entry inside the transaction of the deed. Transactions that add one wait for each other from here to their
// end, so it is best the last thing that a transaction does. On PostgreSQL its error may be a conflict, which db.Update
// repeats: pass it on wrapped.
func Add(ctx context.Context, tx *sql.Tx, e Entry) error {
	if e.Person == (Person{}) {
		e.Person = Who(ctx)
	}
	if e.At.IsZero() {
		e.At = time.Now()
	}
	e = stored(e)
	detail, err := detailText(e.Detail)
	if err != nil {
		return fmt.Errorf("audit %s: %w", e.Act, err)
	}
	var before string
	if err := tx.QueryRowContext(ctx, `UPDATE audit_marks SET seq = seq + 1 WHERE name = 'head' RETURNING seq, hash`).Scan(&e.Seq, &before); err != nil {
		return fmt.Errorf("audit %s: lock head: %w", e.Act, err)
	}
	k := kept{Entry: e, detail: detail, salt: rand.Text()}
	k.seal = k.sealed()
	k.Hash = k.hash(before)
	if _, err := tx.ExecContext(ctx, `INSERT INTO audit (`+columns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, k.Seq, k.At.UnixMilli(), k.Name, k.Role,
		k.Address, k.Act, k.Kind, k.About, k.Node, k.Site, k.Text.ZH, k.Text.EN, k.detail, k.salt, k.seal, k.Hash); err != nil {
		return fmt.Errorf("audit %s: %w", e.Act, err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE audit_marks SET hash = ? WHERE name = 'head'`, k.Hash); err != nil {
		return fmt.Errorf("audit %s: move head: %w", e.Act, err)
	}
	return nil
}

// stored is the entry as every database keeps it: PostgreSQL's text is UTF-8 without NUL.
func stored(e Entry) Entry {
	for _, s := range []*string{&e.Name, &e.Role, &e.Address, &e.Act, &e.Kind, &e.About, &e.Node, &e.Site, &e.Text.ZH, &e.Text.EN} {
		*s = strings.ReplaceAll(strings.ToValidUTF8(*s, "\uFFFD"), "\x00", "\uFFFD")
	}
	return e
}

// detailText is the detail as it is kept: JSON escapes a NUL by itself, and sorts its keys.
func detailText(d map[string]string) (string, error) {
	if len(d) == 0 {
		return "{}", nil
	}
	b, err := json.Marshal(d)
	return string(b), err
}

// kept is an entry as the table has it.
type kept struct {
	Entry
	detail string // JSON
	salt   string // empty: see the table
	seal   string
}

// personal are the words of an entry that may name people.
func (k *kept) personal() []string {
	return []string{k.Name, k.Address, k.About, k.Text.ZH, k.Text.EN, k.detail}
}

// sealed is the seal of what is personal. Without the random salt, which goes with the words, nobody can try names on it.
func (k *kept) sealed() string { return sum(append([]string{"seal", k.salt}, k.personal()...)...) }

// hash is SHA-256 over the hash before, the seal and every field that is not personal. Entries from before there were seals
// have all their fields in it.
func (k *kept) hash(before string) string {
	number := string(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(k.Seq)), uint64(k.At.UnixMilli())))
	if k.seal == "" {
		return sumOf(parts(before) + number + parts(k.Name, k.Role, k.Address, k.Act, k.Kind, k.About, k.Node, k.Site, k.Text.ZH, k.Text.EN, k.detail))
	}
	return sum("entry", before, number, k.Role, k.Act, k.Kind, k.Node, k.Site, k.seal)
}

// sum is SHA-256 over texts, each with its length in front, so that no two lists have the same bytes.
func sum(texts ...string) string { return sumOf(parts(texts...)) }

func parts(texts ...string) string {
	var b []byte
	for _, s := range texts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	return string(b)
}

func sumOf(s string) string {
	b := sha256.Sum256([]byte(s))
	return hex.EncodeToString(b[:])
}
