package health

import (
	"context"
	"database/sql"
	"fmt"
)

// roomEvery is how long what a gateway said of its room is good enough when it says about the same again, in ms.
const roomEvery = 10 * 60_000

// keepRoom notes for how long a gateway can keep what the cloud does not get, when that is news.
func keepRoom(ctx context.Context, tx *sql.Tx, gateway string, n Sighting) error {
	if n.RoomMs == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `UPDATE gateways SET room_s = ?, room_at = ? WHERE id = ? AND room_at < ? AND (room_at < ? OR abs(room_s - ?) * 10 > room_s)`,
		n.Room, n.RoomMs, gateway, n.RoomMs, n.RoomMs-roomEvery, n.Room)
	if err != nil {
		return fmt.Errorf("note room of %s: %w", gateway, err)
	}
	return nil
}
