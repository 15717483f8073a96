package series

import (
	"errors"
	"net/http"

	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"
)

// bisect halves what a server refuses until the culprits stand alone. Stores disagree on what else of such a request
// they have kept; writing it again is the same as once.
func bisect(columns []Column, refused *RefusedError, write func([]Column) error) error {
	if len(columns) == 0 {
		return nil
	}
	err := write(columns)
	if err == nil || !final(err) {
		return err
	}
	var left, right []Column
	switch n := len(columns[0].Times); {
	case len(columns) > 1:
		left, right = columns[:len(columns)/2], columns[len(columns)/2:]
	case n > 1:
		left, right = []Column{columns[0].part(0, n/2)}, []Column{columns[0].part(n/2, n)}
	default:
		refused.add(columns[0], err.Error())
		return nil
	}
	if err := bisect(left, refused, write); err != nil {
		return err
	}
	return bisect(right, refused, write)
}

// final says whether the server will never take this request as it is. A wrong token or bucket is the operator's to
// mend, so it is not: readings wait.
func final(err error) bool {
	code := 0
	var he *influxhttp.Error
	var own *answered
	switch {
	case errors.As(err, &he):
		code = he.StatusCode
	case errors.As(err, &own):
		code = own.code
	}
	switch code {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}
