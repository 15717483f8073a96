package series

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api"
)

// A Server is where a store other than the embedded one is found.
type Server struct {
	URL    string
	Token  string // InfluxDB 2: its token. VictoriaMetrics: "user:password", or empty
	Org    string // InfluxDB 2
	Bucket string // InfluxDB 2
}

// measurement names all readings. Fields: value, absent when bad; status = quality * 64 + reason, absent when good.
const measurement = "linshao"

const (
	linesBytes   = 1 << 20 // of one request
	requestLimit = 60 * time.Second
)

func newHTTP() *http.Client {
	return &http.Client{Timeout: requestLimit, Transport: &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, Proxy: nil}}
}

// lines writes the line protocol. It never uses the client's asynchronous writer, which loses what a server does not
// take, nor its points, which cost ten times the text.
type lines struct {
	client influxdb2.Client
	writer api.WriteAPIBlocking
	http   *http.Client
}

func newLines(s Server) *lines {
	c := newHTTP()
	opts := influxdb2.DefaultOptions().SetPrecision(time.Millisecond).SetHTTPClient(c).SetLogLevel(0)
	opts.WriteOptions().SetMaxRetries(0)
	client := influxdb2.NewClientWithOptions(strings.TrimSuffix(s.URL, "/"), s.Token, opts)
	return &lines{client: client, writer: client.WriteAPIBlocking(s.Org, s.Bucket), http: c}
}

// Close releases the connections.
func (l *lines) Close() error {
	l.client.Close()
	l.http.CloseIdleConnections()
	return nil
}

// tagEscaper writes a tag's value. A line break cannot be escaped; no id has one, and it becomes a blank.
var tagEscaper = strings.NewReplacer(`,`, `\,`, `=`, `\=`, ` `, `\ `, "\n", `\ `, "\r", `\ `, "\t", `\ `)

// tag must not end in a backslash, which would escape what follows it.
func tag(s string) string {
	s = tagEscaper.Replace(s)
	if strings.HasSuffix(s, `\`) {
		s += `\ `
	}
	return s
}

// appendLines writes a column as lines, with the status of what is not good and of everything up to the time known.
func appendLines(b []byte, c *Column, known int64) []byte {
	head := measurement + ",device=" + tag(c.Device) + ",gateway=" + tag(c.Gateway) + ",point=" + tag(c.Point) + " "
	for i, at := range c.Times {
		b = append(b, head...)
		s := c.at(i)
		if s != good || at <= known {
			b = strconv.AppendUint(append(b, "status="...), uint64(s), 10)
			b = append(b, 'i')
			if !isBad(s) {
				b = append(b, ',')
			}
		}
		if !isBad(s) {
			b = strconv.AppendFloat(append(b, "value="...), c.Values[i], 'g', -1, 64)
		}
		b = strconv.AppendInt(append(b, ' '), at, 10)
		b = append(b, '\n')
	}
	return b
}

// write writes columns in requests of about a megabyte.
func (l *lines) write(ctx context.Context, columns []Column, known func(*Column) int64) error {
	var text []byte
	for i := range columns {
		text = appendLines(text, &columns[i], known(&columns[i]))
		if len(text) < linesBytes && i+1 < len(columns) {
			continue
		}
		if err := l.writer.WriteRecord(ctx, strings.TrimSuffix(string(text), "\n")); err != nil {
			return fmt.Errorf("write readings: %w", err)
		}
		text = text[:0]
	}
	return nil
}
