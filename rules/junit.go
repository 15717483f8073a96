package rules

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The elements of JUnit's XML as continuous integration reads it: a suite for each file, a case for each test.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Time     string       `xml:"time,attr"` // seconds
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		File     string      `xml:"file,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name      string       `xml:"name,attr"`
		ClassName string       `xml:"classname,attr"`
		File      string       `xml:"file,attr"`
		Line      int          `xml:"line,attr"`
		Time      string       `xml:"time,attr"`
		Failures  []junitFault `xml:"failure"`
		Errors    []junitFault `xml:"error"`
	}
	junitFault struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes reports as JUnit XML. A file that cannot be read as tests is a suite with one case that has an error. What
// XML cannot hold, such as a control character in a test's name, is replaced.
func WriteJUnit(w io.Writer, reports []TestReport) error {
	all := junitSuites{Name: "linshao rules"}
	took := 0.0
	for _, r := range reports {
		s := r.junit()
		all.Tests, all.Failures, all.Errors = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors
		all.Suites = append(all.Suites, s)
		took += r.TookMs
	}
	all.Time = junitTime(took)
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("encode JUnit: %w", err)
	}
	if _, err := io.WriteString(w, xml.Header+string(text)+"\n"); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	return nil
}

func junitTime(ms float64) string { return strconv.FormatFloat(ms/1000, 'f', 6, 64) }

func (r TestReport) junit() junitSuite {
	class := strings.TrimSuffix(r.File, ".yaml")
	s := junitSuite{Name: r.File, File: r.File, Tests: len(r.Results), Failures: r.Failed, Time: junitTime(r.TookMs)}
	if len(r.Problems) > 0 {
		c := junitCase{Name: r.File, ClassName: class, File: r.File, Line: max(r.Problems[0].Line, 1), Time: junitTime(0)}
		for _, p := range r.Problems.Fatal() {
			c.Errors = append(c.Errors, junitFault{Message: p.Message, Type: "mistake", Text: p.Error()})
		}
		s.Tests, s.Failures, s.Errors, s.Cases = 1, 0, 1, []junitCase{c}
		return s
	}
	for _, t := range r.Results {
		c := junitCase{Name: t.Name, ClassName: class, File: r.File, Line: t.Line, Time: junitTime(t.TookMs)}
		for _, f := range t.Failures {
			c.Failures = append(c.Failures, junitFault{
				Message: fmt.Sprintf("%s: expected %s, got %s", f.Field, f.Expected, f.Actual), Type: "expectation",
				Text: strings.TrimSpace(fmt.Sprintf("%s:%d %s\n%s", r.File, f.Line, f.At, f.Note)),
			})
		}
		s.Cases = append(s.Cases, c)
	}
	return s
}
