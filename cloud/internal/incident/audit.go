package incident

import (
	"context"
	"database/sql"
)

// auditStep writes a deed into the audit log.
func (s *Service) auditStep(context.Context, *sql.Tx, *Incident, string, Person, Given) error {
	return nil
}
