package incident

import (
	"context"
	"database/sql"

	"github.com/linshao/linshao/cloud/wire"
)

// Acted adds to the timeline what became of something that people had an output do.
func Acted(ctx context.Context, tx *sql.Tx, id string, e Entry) error {
	e.Kind = "action"
	return addEntry(ctx, tx, id, e)
}

// TargetWords names what an action does: "燃气阀 → 关闭".
func TargetWords(ctx context.Context, tx *sql.Tx, gateway string, a *wire.Action) (Text, error) {
	return target(ctx, tx, gateway, a)
}

// RefusalWords are the words of a gateway for why it did not do something, in both languages.
func RefusalWords(said string) Text { return refusal(said) }
