package app

import (
	"context"
	"time"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/person"
)

// CopyPerson answers everything that the store holds about a person. The cloud may be running.
func CopyPerson(ctx context.Context, cfg Config, w person.Who) (c person.DataCopy, err error) {
	err = withDB(ctx, cfg, func(d *db.DB) error {
		c, err = person.Copies(console(ctx), d, w, time.Now())
		return err
	})
	return c, err
}

// ErasePerson erases what the store holds about a person, or with dry only tells what would happen.
func ErasePerson(ctx context.Context, cfg Config, w person.Who, reason string, dry bool) (r person.Erasure, err error) {
	err = withDB(ctx, cfg, func(d *db.DB) error {
		r, err = person.Erase(console(ctx), d, person.Order{Who: w, By: auth.Console(), Reason: reason, Dry: dry, Now: time.Now()})
		return err
	})
	return r, err
}
