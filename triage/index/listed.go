package index

import "time"

// Listed is an occurrence as lists write it.
type Listed struct {
	Name    string    `json:"name"`
	Group   string    `json:"group"`
	Time    time.Time `json:"time"`
	Host    string    `json:"host"`
	Program string    `json:"program"`
	Version string    `json:"version"`
	PID     int       `json:"pid"`
	Type    string    `json:"type"`
	Message string    `json:"message"`
	Site    string    `json:"site"`
	Missing string    `json:"missing,omitempty"`
	Report  string    `json:"report,omitempty"`
	// Which host keeps the report, and the directory of its store: of an index
	// that hosts share.
	ReportHost string `json:"report_host,omitempty"`
	ReportDir  string `json:"report_dir,omitempty"`
}

// List is what is listed of occurrences, never nil.
func List(list []Occurrence) []Listed {
	out := []Listed{}
	for i := range list {
		o := &list[i]
		out = append(out, Listed{o.Name(), o.GroupName, o.Seen, o.Host, o.Program, o.Version, o.PID, o.Type, o.Message, o.Site, o.Missing, o.Report, o.Home.Host, o.Home.Dir})
	}
	return out
}
