package db

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"golang.org/x/sync/semaphore"
)

// Postgres is how a PostgreSQL server is reached.
type Postgres struct {
	URL      string // that CheckURL accepts: postgres://user@host:5432/database?sslmode=verify-full
	Password string // empty: the server asks for none, or for a certificate
	// Patience is how long OpenPostgres waits for a server that cannot be reached; 0: until its context ends.
	Patience time.Duration
	Log      *slog.Logger
}

// Connections of a process, and settings of each.
const (
	writers = 8
	// IdleLimit is how long a transaction may wait for its client; then the server rolls it back. What it has locked is
	// free again, and whoever was stopped in the middle finds its commit refused.
	IdleLimit   = 5 * time.Second
	connTimeout = 10 * time.Second
	connLife    = 30 * time.Minute
	firstWait   = 500 * time.Millisecond
	lastWait    = 15 * time.Second
)

// CheckURL refuses an address that would send a password or data in the clear, or that hides settings of its own. Its
// error does not repeat the address.
func CheckURL(address string) error {
	_, err := parseURL(address)
	return err
}

func parseURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, errors.New("it is no URL") // the parser's own words repeat it
	case u.Scheme != "postgres" && u.Scheme != "postgresql":
		return nil, errors.New("it must begin with postgres://")
	case u.User.Username() == "":
		return nil, errors.New("it names no user: postgres://user@host/database")
	case len(u.Path) < 2:
		return nil, errors.New("it names no database: postgres://user@host/database")
	}
	if _, has := u.User.Password(); has {
		return nil, errors.New("the password must not stand in it: use sql_password_file")
	}
	q := u.Query()
	for _, key := range slices.Sorted(maps.Keys(q)) {
		if !slices.Contains([]string{"host", "sslmode", "sslrootcert", "sslcert", "sslkey"}, key) {
			return nil, fmt.Errorf("it must not set %q", key)
		}
	}
	host, socket := u.Hostname(), q.Get("host")
	switch {
	case host == "" && !strings.HasPrefix(socket, "/"):
		return nil, errors.New("it names no host: postgres://user@host/database")
	case host != "" && q.Has("host"):
		return nil, errors.New("it names two hosts")
	}
	ip := net.ParseIP(host)
	near := host == "" || host == "localhost" || (ip != nil && ip.IsLoopback())
	switch mode := q.Get("sslmode"); {
	case mode == "" && near:
		q.Set("sslmode", "disable")
	case mode == "":
		q.Set("sslmode", "verify-full")
	case near && (mode == "disable" || mode == "require"):
	case mode != "verify-full" && mode != "verify-ca":
		return nil, errors.New("beyond this machine it needs sslmode=verify-full: anything less sends everything to whoever answers")
	}
	u.RawQuery = q.Encode()
	return u, nil
}

// OpenPostgres connects, checks that the server keeps what it confirms, and brings the tables up to date. A server that
// cannot be reached is tried again and again; one that refuses is an error that says what to do.
func OpenPostgres(ctx context.Context, p Postgres, migrations fs.FS) (*DB, error) {
	u, err := parseURL(p.URL)
	if err != nil {
		return nil, fmt.Errorf("address of PostgreSQL: %w", err)
	}
	conf, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, fmt.Errorf("address of PostgreSQL: %w", err)
	}
	// The environment may name other settings; only the file's count.
	conf.Password, conf.ConnectTimeout = p.Password, connTimeout
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}}
	conf.DialFunc = dialer.DialContext
	shared := map[string]string{"application_name": "linshao-cloud", "tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3", "jit": "off"}
	write, read := *conf, *conf
	write.RuntimeParams, read.RuntimeParams = maps.Clone(shared), maps.Clone(shared)
	write.RuntimeParams["idle_in_transaction_session_timeout"] = fmt.Sprint(IdleLimit.Milliseconds())
	// A scan of a whole table conflicts with every other change of it, and of small tables the planner likes scans.
	write.RuntimeParams["enable_seqscan"] = "off"
	read.RuntimeParams["default_transaction_read_only"] = "on"
	d := &DB{write: pool(write, writers), read: pool(read, readers), isolation: sql.LevelSerializable, postgres: true, room: semaphore.NewWeighted(writers)}
	if err := d.reach(ctx, p, conf); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := d.migrate(ctx, migrations); err != nil {
		err, _ = explain(err, conf)
		return nil, errors.Join(fmt.Errorf("migrate database %s: %w", conf.Database, err), d.Close())
	}
	return d, nil
}

func pool(conf pgx.ConnConfig, size int) *sql.DB {
	p := sql.OpenDB(connector{stdlib.GetConnector(conf, stdlib.OptionAfterConnect(trust))})
	p.SetMaxOpenConns(size)
	p.SetMaxIdleConns(size)
	p.SetConnMaxLifetime(connLife) // so that a changed setting is found
	return p
}

// reach waits until the server can be used.
func (d *DB) reach(ctx context.Context, p Postgres, conf *pgx.ConnConfig) error {
	begin := time.Now()
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		err := d.write.PingContext(ctx)
		if err == nil {
			return nil
		}
		err, temporary := explain(err, conf)
		if !temporary || ctx.Err() != nil || (p.Patience > 0 && time.Since(begin) > p.Patience) {
			return err
		}
		p.Log.Warn("waiting for the database", "err", err, "retry_in", wait)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// An unfit server would break what an acknowledgement promises.
type unfitError struct {
	why       string
	temporary bool
}

func (e *unfitError) Error() string { return e.why }

// trust checks each new connection: the server may be another one than before, or be set differently.
func trust(ctx context.Context, c *pgx.Conn) error {
	var version int
	var sync, fsync, pages, encoding string
	var standby bool
	err := c.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_setting('synchronous_commit'), current_setting('fsync'),
		current_setting('full_page_writes'), current_setting('server_encoding'), pg_is_in_recovery()`).Scan(&version, &sync, &fsync, &pages, &encoding, &standby)
	switch {
	case err != nil:
	case version < 130000:
		err = &unfitError{fmt.Sprintf("PostgreSQL is of version %d; 13 or newer is needed", version/10000), false}
	case sync != "on" && sync != "remote_apply":
		err = &unfitError{fmt.Sprintf("synchronous_commit is %s: a power cut could take what gateways were told is kept; set it to on", sync), false}
	case fsync != "on" || pages != "on":
		err = &unfitError{"fsync or full_page_writes is off: a power cut could take what gateways were told is kept; set both to on", false}
	case encoding != "UTF8":
		err = &unfitError{fmt.Sprintf("the database is encoded as %s; create it with ENCODING 'UTF8'", encoding), false}
	case standby:
		err = &unfitError{"the server is a standby that only reads", true}
	}
	if err != nil {
		_ = c.Close(ctx) // pgx forgets a connection that is refused here
	}
	return err
}

// explain says what to do, and whether waiting may help. pgx's words name host, user and database, never the password.
func explain(err error, conf *pgx.ConnConfig) (why error, temporary bool) {
	var unfit *unfitError
	var pg *pgconn.PgError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var alert tls.AlertError
	where := fmt.Sprintf("PostgreSQL at %s:%d", conf.Host, conf.Port)
	switch {
	case errors.As(err, &unfit):
		return fmt.Errorf("%s: %w", where, err), unfit.temporary
	case errors.As(err, &authority), errors.As(err, &host), errors.As(err, &invalid), errors.As(err, &alert):
		return fmt.Errorf("%s has no certificate that can be trusted (sslrootcert in the address names the CA): %w", where, err), false
	case !errors.As(err, &pg):
		return fmt.Errorf("%s cannot be reached; is it running, and is the address right? %w", where, err), true
	}
	switch pg.Code {
	case "28P01", "28000":
		return fmt.Errorf("%s does not let user %s in; check sql_password_file and the server's pg_hba.conf: %w", where, conf.User, err), false
	case "3D000":
		return fmt.Errorf("%s has no database %s; create it: createdb -E UTF8 -O %s %s: %w", where, conf.Database, conf.User, conf.Database, err), false
	case "42501":
		return fmt.Errorf("%s does not let user %s do what is needed; make it the owner: ALTER DATABASE %s OWNER TO %s: %w", where, conf.User, conf.Database, conf.User, err), false
	}
	return fmt.Errorf("%s: %w", where, err), strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "53") || strings.HasPrefix(pg.Code, "57")
}
