package main

import (
	"fmt"
	"io"
	"strings"
)

// width is how many columns a text takes in a terminal: Han characters take two.
func width(s string) int {
	n := 0
	for _, r := range s {
		n++
		if wide(r) {
			n++
		}
	}
	return n
}

func wide(r rune) bool {
	return r >= 0x1100 && (r <= 0x115f || (r >= 0x2e80 && r <= 0xa4cf) || (r >= 0xac00 && r <= 0xd7a3) ||
		(r >= 0xf900 && r <= 0xfaff) || (r >= 0xfe30 && r <= 0xfe6f) || (r >= 0xff00 && r <= 0xff60) ||
		(r >= 0xffe0 && r <= 0xffe6) || (r >= 0x20000 && r <= 0x3fffd))
}

// printTable draws rows in columns as wide as their widest cell.
func printTable(w io.Writer, rows [][]string) { printColumns(w, "", rows, nil) }

// printColumns is printTable with something before each row; numbers stand at the right of their columns.
func printColumns(w io.Writer, before string, rows [][]string, right []bool) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], width(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		line.WriteString(before)
		for i, cell := range row {
			room := strings.Repeat(" ", widths[i]-width(cell))
			if i < len(right) && right[i] {
				cell, room = room+cell, ""
			}
			line.WriteString(cell + room + "  ")
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}
