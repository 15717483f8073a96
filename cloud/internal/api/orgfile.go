package api

import (
	"bytes"
	"context"
	"database/sql"
	"mime"
	"net/http"
	"strings"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/rules"
)

// maxImport bounds a file of the tree, in bytes: a street with 10,000 places has less than one million.
const maxImport = 4 << 20

func isImport(path string) bool {
	return strings.HasSuffix(path, "/org/import") || strings.HasSuffix(path, "/org/drawing")
}

// fileName answers a name that says what a file of a content type is; none of a type that is no file of the tree.
func fileName(contentType string) string {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	switch kind {
	case "text/csv", "application/vnd.ms-excel": // as browsers on machines with Excel call CSV
		return "org.csv"
	case "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml":
		return "org.yaml"
	}
	return ""
}

type importIn struct {
	ContentType string `header:"Content-Type"`
	Dry         bool   `query:"dry" doc:"only tell what would change"`
	KeepGood    bool   `query:"keepGood" doc:"leave out what is wrong, with all below it, and take the rest; absent: a file with a mistake changes nothing"`
	Replace     bool   `query:"replace" doc:"remove what the file lacks; a file with a mistake changes nothing then"`
	RawBody     []byte `contentType:"text/csv"`
}

// FileProblem is one mistake at one place of a file.
type FileProblem struct {
	Line   int           `json:"line" doc:"from 1; 0: it is about the whole file"`
	Column int           `json:"column" doc:"in characters, from 1"`
	Text   incident.Text `json:"text"`
}

// FileChange is what an import does to one node or entry.
type FileChange struct {
	Op     string        `json:"op" enum:"+,~,-" doc:"added, changed, removed"`
	Record incident.Text `json:"record"`
	Node   string        `json:"node" doc:"the node itself, or that of the entry"`
	Title  string        `json:"title"`
}

// mostChanges is how many changes are listed; all are counted.
const mostChanges = 500

type importOut struct {
	Body struct {
		Dry      bool          `json:"dry"`
		Taken    bool          `json:"taken" doc:"the file, or what is right of it, is in the tree now"`
		Records  int           `json:"records" doc:"of the file"`
		Added    int           `json:"added"`
		Changed  int           `json:"changed"`
		Removed  int           `json:"removed"`
		Same     int           `json:"same"`
		Refused  int           `json:"refused" doc:"records that were left out"`
		Problems []FileProblem `json:"problems" doc:"by line"`
		Changes  []FileChange  `json:"changes" doc:"the first 500"`
	}
}

// importOrg brings a file into the tree. What is wrong with the file is the answer, not a refusal of the request.
func (a *API) importOrg(ctx context.Context, in *importIn) (*importOut, error) {
	name := fileName(in.ContentType)
	if name == "" {
		return nil, newProblem(http.StatusUnsupportedMediaType, "media_type", "只支持 CSV（text/csv）或 YAML（application/yaml）", "only CSV (text/csv) or YAML (application/yaml) is taken")
	}
	r, err := tree.Import(ctx, a.cfg.DB, tree.Parse(name, in.RawBody), tree.Options{Strict: !in.KeepGood, Replace: in.Replace, DryRun: in.Dry, By: callerOf(ctx).user.Name, Now: a.cfg.Now()})
	if err != nil {
		return nil, err
	}
	out := &importOut{}
	b := &out.Body
	b.Dry, b.Taken = in.Dry, !in.Dry && !r.Nothing
	b.Records, b.Added, b.Changed, b.Removed, b.Same, b.Refused = r.Records, r.Added, r.Changed, r.Removed, r.Same, r.Refused
	b.Problems, b.Changes = []FileProblem{}, []FileChange{}
	for _, p := range r.Problems {
		b.Problems = append(b.Problems, FileProblem{p.Line, p.Col, incident.Text(p.Text)})
	}
	for _, c := range r.Changes[:min(len(r.Changes), mostChanges)] {
		b.Changes = append(b.Changes, FileChange{string(rune(c.Op)), incident.Text(c.Record), c.ID, c.Title})
	}
	return out, nil
}

type exportIn struct {
	Format string `query:"format" enum:"csv,yaml" default:"csv"`
	Lang   string `query:"lang" enum:"zh,en" default:"zh" doc:"of the heads of CSV"`
	Phones string `query:"phones" enum:"masked,full" default:"masked" doc:"full: with the right dial alone, and it is logged; a file without them cannot be imported again where it names phones"`
}

type exportOut struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte `contentType:"text/csv"`
}

// exportOrg is the whole tree as a file.
func (a *API) exportOrg(ctx context.Context, in *exportIn) (*exportOut, error) {
	if err := a.mayDial(ctx, in.Phones, street, ""); err != nil {
		return nil, err
	}
	nodes, err := tree.Subtree(ctx, a.cfg.DB.Reader(), "")
	if err != nil && !isUnknown(err) {
		return nil, err
	}
	if in.Phones != "full" {
		nodes = tree.Masked(nodes)
	}
	if err := a.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		return audit.Add(ctx, tx, audit.Entry{At: a.cfg.Now(), Act: "org.export", Kind: "org", About: "org." + in.Format, Detail: map[string]string{"phones": in.Phones}})
	}); err != nil {
		return nil, err
	}
	out, b := &exportOut{Disposition: `attachment; filename="org.` + in.Format + `"`}, bytes.Buffer{}
	if in.Format == "yaml" {
		out.ContentType = "application/yaml; charset=utf-8"
		err = tree.WriteYAML(&b, nodes)
	} else {
		out.ContentType = "text/csv; charset=utf-8"
		err = tree.WriteCSV(&b, nodes, func(t rules.Text) string {
			if in.Lang == "en" {
				return t.EN
			}
			return t.ZH
		})
	}
	out.Body = b.Bytes()
	return out, err
}
