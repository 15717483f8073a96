package series_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func copyBody(w io.Writer, r *http.Request) (int64, error) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			return 0, err
		}
		body = z
	}
	return io.Copy(w, body)
}
