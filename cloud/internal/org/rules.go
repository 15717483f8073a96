package org

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

const mostLines = 20 // of changes or problems in one entry; the gateway's own page has them all

// RulesChange notes in the journal that other rules are in force at a gateway, or that new ones were refused there.
func RulesChange(ctx context.Context, tx *sql.Tx, gateway string, c *wire.RulesChange) error {
	e := Entry{At: time.UnixMilli(c.GetAtMs()), Gateway: gateway, Kind: RulesChanged}
	var zh, en []string
	if problems := c.GetProblems(); len(problems) > 0 {
		e.Kind = RulesRefused
		zh = append(zh, fmt.Sprintf("新的规则有 %d 个错误，没有采用；原来的规则继续运行（版本 %s）。", len(problems), c.GetHash()))
		en = append(en, fmt.Sprintf("The new rules have %d mistakes and are refused; the rules before go on (version %s).", len(problems), c.GetHash()))
		zh, en = append(zh, short(problems)...), append(en, short(problems)...)
	} else {
		if err := rulesInForce(ctx, tx, gateway, c); err != nil {
			return err
		}
		zh = append(zh, "规则已更新（版本 "+c.GetHash()+mode(c, "，急模式", "")+"）。")
		en = append(en, "Other rules are in force (version "+c.GetHash()+mode(c, ", emergency mode", "")+").")
	}
	var saidZH, saidEN []string
	for _, t := range c.GetChanges() {
		saidZH, saidEN = append(saidZH, t.GetZh()), append(saidEN, t.GetEn())
	}
	zh, en = append(zh, short(saidZH)...), append(en, short(saidEN)...)
	e.Text = rules.Text{ZH: strings.Join(zh, "\n"), EN: strings.Join(en, "\n")}
	return Note(ctx, tx, e)
}

// rulesInForce keeps which rules a gateway said last are in force there.
func rulesInForce(ctx context.Context, tx *sql.Tx, gateway string, c *wire.RulesChange) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO gateway_rules (gateway, hash, emergency, at) VALUES (?, ?, ?, ?)
		ON CONFLICT (gateway) DO UPDATE SET hash = excluded.hash, emergency = excluded.emergency, at = excluded.at WHERE excluded.at >= gateway_rules.at`,
		gateway, c.GetHash(), c.GetEmergency(), c.GetAtMs())
	return wrap(err, "note rules of", gateway)
}

// RuleSeen keeps of which version the newest alert of a rule was at a gateway.
func RuleSeen(ctx context.Context, tx *sql.Tx, gateway string, e rules.AlertEvent) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO rule_versions (gateway, rule, version, at) VALUES (?, ?, ?, ?)
		ON CONFLICT (gateway, rule) DO UPDATE SET version = excluded.version, at = excluded.at WHERE excluded.at >= rule_versions.at`,
		gateway, e.Rule, e.Version, e.At.UnixMilli())
	return wrap(err, "note version of rule at", gateway)
}

func mode(c *wire.RulesChange, emergency, normal string) string {
	if c.GetEmergency() {
		return emergency
	}
	return normal
}

// short keeps what fits an entry, each line and all of them.
func short(lines []string) []string {
	var kept []string
	for i, line := range lines {
		if i == mostLines {
			return append(kept, fmt.Sprintf("… +%d", len(lines)-i))
		}
		text := []rune(line)
		kept = append(kept, string(text[:min(len(text), mostCause)]))
	}
	return kept
}
