package series_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/series"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

// mixed is readings of a point of which some are not good.
func mixed(dev string, t0 time.Time, n int) []device.Reading {
	var rs []device.Reading
	for i := range n {
		at := t0.Add(time.Duration(i) * time.Second)
		switch i % 10 {
		case 3:
			rs = append(rs, bad(dev, "p", device.Timeout, at))
		case 7:
			rs = append(rs, uncertain(dev, "p", float64(i), device.Stuck, at))
		default:
			rs = append(rs, good(dev, "p", float64(i), at))
		}
	}
	return rs
}

// samples is what the server exports of a device, by metric and in the order it has.
func samples(t *testing.T, addr, dev string) map[string][]int64 {
	t.Helper()
	resp, err := http.Get("http://" + addr + "/api/v1/export?" + url.Values{"match[]": {`{device="` + dev + `"}`}, "start": {"0"}}.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out := map[string][]int64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		var e struct {
			Metric     map[string]string
			Timestamps []int64
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		out[e.Metric["__name__"]] = append(out[e.Metric["__name__"]], e.Timestamps...)
	}
	return out
}

// settles waits for what takes about 16 s.
func settles(t *testing.T, r series.Receipt) {
	t.Helper()
	began, tick, limit := time.Now(), time.NewTicker(100*time.Millisecond), time.After(90*time.Second)
	defer tick.Stop()
	for !settled(t, r) {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("it is not settled within 90 s")
		}
	}
	t.Logf("settled after %v", time.Since(began))
}

func settled(t *testing.T, r series.Receipt) bool {
	t.Helper()
	ok, err := r.Settled(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

// What is settled survives kill -9; what is not is told to be forgotten; and what is written again, long after and to
// another process of the server, counts once, with its quality.
func TestVictoriaSettles(t *testing.T) {
	addr, dir := freeport.Address(t), t.TempDir()
	kill, s := victoriaAt(t, addr, dir)
	defer s.Close()
	t0 := time.Now().Add(-time.Hour).Truncate(time.Second)
	deliver := func(dev string) series.Receipt {
		t.Helper()
		r, err := s.Deliver(t.Context(), series.Columns("gw-1", mixed(dev, t0, 300)))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	receipt := deliver("a")
	settles(t, receipt)
	young := deliver("b")
	if settled(t, young) || !settled(t, receipt) {
		t.Error("what is new is settled at once")
	}
	kill()
	kill, again := victoriaAt(t, addr, dir)
	again.Close()
	eventually(t, "the server's start is seen", func() bool {
		_, err := young.Settled(t.Context())
		return errors.Is(err, series.ErrForgotten)
	})
	q := query("a", "p", t0, t0.Add(300*time.Second))
	q.Max = 1000
	want := await(t, s, q, 270)
	before := samples(t, addr, "a")
	for _, dev := range []string{"a", "b"} {
		receipt = deliver(dev)
	}
	if got := await(t, s, q, 270); !reflect.DeepEqual(got, want) {
		t.Errorf("written again: %+v, before %+v", got, want)
	}
	settles(t, receipt)
	kill()
	_, again = victoriaAt(t, addr, dir)
	again.Close()
	for _, dev := range []string{"a", "b"} {
		q.Device = dev
		got := await(t, s, q, 270)
		if !reflect.DeepEqual(got.Buckets, want.Buckets) || !reflect.DeepEqual(got.Bad, want.Bad) || !reflect.DeepEqual(got.Uncertain, want.Uncertain) {
			t.Errorf("%s after another kill: %+v, before %+v", dev, got, want)
		}
	}
	after := samples(t, addr, "a")
	for _, metric := range []string{"linshao_value", "linshao_status"} {
		if !slices.Equal(after[metric], before[metric]) {
			t.Errorf("%s: %d samples, before %d", metric, len(after[metric]), len(before[metric]))
		}
	}
}

// A server that is killed in the second in which it began looks the same after its next start: it tells whole seconds.
// What it had taken by then may not pass for settled.
func TestVictoriaKilledInItsFirstSecond(t *testing.T) {
	addr, dir := freeport.Address(t), t.TempDir()
	<-time.After(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) // two starts fit into a second
	kill, s := victoriaAt(t, addr, dir)
	defer s.Close()
	soon, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	receipt, err := s.Deliver(soon, series.Columns("gw-1", mixed("a", time.Now().Add(-time.Hour), 300)))
	kill()
	_, again := victoriaAt(t, addr, dir)
	again.Close()
	if err != nil {
		return // it is not taken
	}
	eventually(t, "it is seen that the server has lost what it took", func() bool {
		_, err := receipt.Settled(t.Context())
		return errors.Is(err, series.ErrForgotten)
	})
}
