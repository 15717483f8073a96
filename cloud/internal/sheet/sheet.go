// Package sheet keeps texts that people have written from being formulas where a table is opened in a spreadsheet.
package sheet

import "strings"

// starts are the characters by which a spreadsheet knows a formula, or skips to one.
const starts = "=+-@\t\r"

// Safe answers a cell that no spreadsheet runs: one that begins as a formula does gets a ' before it, which Plain takes away.
// So does one that has such signs already, so that each text comes back as it was.
func Safe(cell string) string {
	if formula(cell) {
		return "'" + cell
	}
	return cell
}

// Plain answers the text that Safe made a cell of. Every other text stays as it is.
func Plain(cell string) string {
	if rest, ok := strings.CutPrefix(cell, "'"); ok && formula(rest) {
		return rest
	}
	return cell
}

// formula says that a text begins as a formula does, after any number of '.
func formula(s string) bool {
	s = strings.TrimLeft(s, "'")
	return s != "" && strings.ContainsRune(starts, rune(s[0]))
}
