package incident

import (
	"context"
	"database/sql"
	"fmt"
)

// noteChange notes that an incident is to be counted anew by the report.
func noteChange(ctx context.Context, tx *sql.Tx, id string) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO report_dirty (incident) VALUES (?) ON CONFLICT (incident) DO NOTHING`, id); err != nil {
		return fmt.Errorf("note change of %s: %w", id, err)
	}
	return nil
}
