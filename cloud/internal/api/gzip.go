package api

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
)

// smallAnswer is what compressing does not pay for, in bytes.
const smallAnswer = 300

// gzipped answers through next and compresses what is larger than smallAnswer. The live stream must not come here: an
// answer is kept until it is complete.
func gzipped(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept-Encoding")
		if !accepts(r.Header.Get("Accept-Encoding")) {
			next.ServeHTTP(w, r)
			return
		}
		k := &kept{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(k, r)
		body := k.body.Bytes()
		if len(body) > smallAnswer && w.Header().Get("Content-Encoding") == "" {
			body = squeeze(body)
			w.Header().Set("Content-Encoding", "gzip")
		}
		if len(body) > 0 {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		}
		w.WriteHeader(k.status)
		w.Write(body) //nolint:errcheck // a reader that left does not need it
	})
}

// kept holds an answer back.
type kept struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (k *kept) WriteHeader(status int)      { k.status = status }
func (k *kept) Write(b []byte) (int, error) { return k.body.Write(b) }
func (k *kept) Unwrap() http.ResponseWriter { return k.ResponseWriter }

func squeeze(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b) //nolint:errcheck // a buffer takes everything
	z.Close()  //nolint:errcheck // likewise
	return out.Bytes()
}

// accepts says whether gzip is among the encodings, and not with q=0.
func accepts(encodings string) bool {
	for one := range strings.SplitSeq(encodings, ",") {
		name, q, _ := strings.Cut(strings.ReplaceAll(one, " ", ""), ";")
		if strings.EqualFold(name, "gzip") || name == "*" {
			weight, err := strconv.ParseFloat(strings.TrimPrefix(strings.ToLower(q), "q="), 64)
			return err != nil || weight > 0
		}
	}
	return false
}
