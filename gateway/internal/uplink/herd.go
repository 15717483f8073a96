package uplink

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// How long to stay away. All waits are random from 0 on, so that gateways which lost the cloud together do not return together.
const (
	retryFirst  = time.Second       // most before the first new connection; doubled with each failure
	settled     = 30 * time.Second  // a session that lasted so long and ends did not end for one gateway alone
	herdStart   = 3                 // the doublings to begin with then: 8 s
	retryMost   = 300 * time.Second // after a refusal: somebody is there and cannot take us, and we may be thousands
	retrySilent = 30 * time.Second  // where nobody answers: it is our own line, or nobody whom we could burden
	retryUrgent = 20 * time.Second  // while an alert waits
	firstUrgent = 5 * time.Second   // before the very first connection, while an alert waits
)

// most is the longest wait before the next connection, after so many failed ones and the last one's error.
func most(failed int, err error, urgent bool) time.Duration {
	limit := retrySilent
	if refused(err) {
		limit = retryMost
	}
	if urgent {
		limit = min(limit, retryUrgent)
	}
	return min(limit, retryFirst<<min(failed, 16))
}

// refused says that a machine answered and did not want the connection.
func refused(err error) bool {
	for _, code := range []error{syscall.ECONNREFUSED, packets.ErrorRefusedServerUnavailable, packets.ErrorRefusedNotAuthorised,
		packets.ErrorRefusedBadUsernameOrPassword, packets.ErrorRefusedIDRejected, packets.ErrorRefusedBadProtocolVersion, errDenied} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

// pause before the next connection.
func (u *Uplink) pause(failed int, err error, urgent bool, now time.Time) time.Duration {
	return max(jitter(most(failed, err, urgent)), u.notBefore.Sub(now))
}

// rest waits. When an alert turns up meanwhile, it waits no longer than a random part of urgent from then on, but never ends
// before the time that the cloud asked for.
func (u *Uplink) rest(ctx context.Context, pause, urgent time.Duration) {
	hurried := u.urgent()
	end := time.Now().Add(pause)
	for {
		changed := u.cfg.Streams[0].Stream.Changed()
		if !hurried && u.urgent() {
			hurried = true
			if soon := time.Now().Add(jitter(urgent)); soon.Before(end) {
				end = soon
			}
			if end.Before(u.notBefore) {
				end = u.notBefore
			}
		}
		if hurried {
			changed = nil
		}
		timer := time.NewTimer(time.Until(end))
		select {
		case <-timer.C:
			return
		case <-ctx.Done():
			timer.Stop()
			return
		case <-changed:
			timer.Stop()
		}
	}
}

func (u *Uplink) urgent() bool { return u.cfg.Urgent != nil && u.cfg.Urgent() }
