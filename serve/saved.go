package serve

import (
	"io/fs"
	"net/http"
	"os"
	"slices"
	"time"
)

// maxFiles bounds the entries of a directory that are looked at.
const maxFiles = 10_000

// maxSaved is how many saved reports are listed, the newest.
const maxSaved = 200

// savedPage lists reports that stand in a directory.
type savedPage struct {
	Now  time.Time
	Rows []savedRow
	More int
}

type savedRow struct {
	Name     string
	Modified time.Time
	Size     int64
}

// saved lists the reports that stand beside the index.
func (s *Server) saved(q *request) error {
	if s.o.Saved == "" {
		return notFound("page")
	}
	p := &savedPage{Now: s.o.Now()}
	if err := p.read(s.o.Saved); err != nil {
		return &trouble{status: http.StatusServiceUnavailable, what: "The directory of saved reports can't be read.", remedy: orElse(s.o.Remedy(err), "Is it still there?")}
	}
	f := q.frame("Saved reports")
	f.Page = p
	s.views.write(q.w, http.StatusOK, "saved", f)
	return nil
}

func (p *savedPage) read(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	entries, _ := d.ReadDir(maxFiles) // what could be read counts
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.Mode()&fs.ModeType != 0 || !savedName(e.Name()) {
			continue
		}
		p.Rows = append(p.Rows, savedRow{e.Name(), info.ModTime(), info.Size()})
	}
	slices.SortFunc(p.Rows, func(a, b savedRow) int { return b.Modified.Compare(a.Modified) })
	p.More = max(0, len(p.Rows)-maxSaved)
	p.Rows = p.Rows[:len(p.Rows)-p.More]
	return nil
}
