package org

import (
	"fmt"

	"github.com/linshao/linshao/rules"
)

// A Refusal is what somebody asked for that makes no sense as things are; the text says why, for people.
type Refusal struct{ Text rules.Text }

func (r *Refusal) Error() string { return r.Text.EN }

// Refuse answers a *Refusal whose sentences are formatted with the same arguments.
func Refuse(zh, en string, args ...any) error {
	return &Refusal{rules.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)}}
}
