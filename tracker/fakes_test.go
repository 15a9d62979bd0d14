package tracker

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// The fake servers answer with what this package reads, and what the descriptions of
// the APIs say must be there.

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

type fields = map[string]any

func body(r *http.Request) fields {
	var v fields
	json.NewDecoder(r.Body).Decode(&v)
	return v
}

func str(v any) string { s, _ := v.(string); return s }

func strs(v any) (out []string) {
	list, _ := v.([]any)
	for _, x := range list {
		out = append(out, str(x))
	}
	return out
}

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Format(time.RFC3339)
}

func named(names []string) []fields {
	out := []fields{}
	for i, n := range names {
		out = append(out, fields{"id": i + 1, "name": n, "color": "ff0000"})
	}
	return out
}

func milestone(title string) any {
	if title == "" {
		return nil
	}
	return fields{"title": title}
}

func upload(r *http.Request, field string) (string, []byte) {
	f, head, err := r.FormFile(field)
	if err != nil {
		return "", nil
	}
	data, _ := io.ReadAll(f)
	return head.Filename, data
}

// closedAt: the trackers forget when an issue that is open again was closed.
func (i *boardIssue) stampClosed() any {
	if !i.closed {
		return nil
	}
	return stamp(i.closedAt)
}

func gitHubFake(b *board) http.Handler {
	user := fields{"login": "bot", "id": 1}
	show := func(i *boardIssue) fields {
		state := "open"
		if i.closed {
			state = "closed"
		}
		var reason any
		if i.reason != "" {
			reason = i.reason
		}
		url := fmt.Sprintf("https://github.example/ada/pay/issues/%d", i.number)
		return fields{"number": i.number, "html_url": url, "state": state, "state_reason": reason, "body": i.body, "title": i.title,
			"closed_at": i.stampClosed(), "labels": named(i.labels), "milestone": milestone(i.milestone), "user": user, "id": i.number}
	}
	m := http.NewServeMux()
	m.HandleFunc("GET /repos/ada/pay/issues", func(w http.ResponseWriter, r *http.Request) {
		out := []fields{}
		for _, i := range b.labelled(r.URL.Query().Get("labels")) {
			out = append(out, show(i))
		}
		answer(w, 200, paged(b, w, r, out, "per_page"))
	})
	m.HandleFunc("GET /search/issues", func(w http.ResponseWriter, r *http.Request) {
		items := []fields{}
		for _, i := range b.issues {
			if words := regexp.MustCompile(`"(.*)"`).FindStringSubmatch(r.URL.Query().Get("q")); b.nolabels && len(words) == 2 && strings.Contains(i.body, words[1]) {
				items = append(items, show(i))
			}
		}
		answer(w, 200, fields{"total_count": len(items), "incomplete_results": false, "items": items})
	})
	m.HandleFunc("POST /repos/ada/pay/issues", func(w http.ResponseWriter, r *http.Request) {
		v := body(r)
		answer(w, 201, show(b.add(str(v["title"]), str(v["body"]), strs(v["labels"])...)))
	})
	m.HandleFunc("PATCH /repos/ada/pay/issues/{n}", func(w http.ResponseWriter, r *http.Request) {
		i, v := b.issue(r.PathValue("n")), body(r)
		if s := str(v["state"]); s != "" {
			i.set(b, s == "closed")
			i.reason = str(v["state_reason"])
		}
		if s := str(v["body"]); s != "" {
			i.body = s
		}
		answer(w, 200, show(i))
	})
	m.HandleFunc("GET /repos/ada/pay/issues/{n}/comments", func(w http.ResponseWriter, r *http.Request) {
		out := []fields{}
		for n, c := range b.issue(r.PathValue("n")).comments {
			out = append(out, fields{"id": n, "body": c.body, "created_at": stamp(c.at)})
		}
		answer(w, 200, paged(b, w, r, out, "per_page"))
	})
	m.HandleFunc("POST /repos/ada/pay/issues/{n}/comments", func(w http.ResponseWriter, r *http.Request) {
		c := b.issue(r.PathValue("n")).comment(b, str(body(r)["body"]))
		answer(w, 201, fields{"body": c.body, "created_at": stamp(c.at)})
	})
	return m
}

func gitLabFake(b *board) http.Handler {
	show := func(i *boardIssue) fields {
		state := "opened"
		if i.closed {
			state = "closed"
		}
		return fields{"iid": i.number, "web_url": fmt.Sprintf("https://gitlab.example/team/pay/-/issues/%d", i.number), "state": state, "description": i.body,
			"title": i.title, "closed_at": i.stampClosed(), "labels": append([]string{}, i.labels...), "milestone": milestone(i.milestone)}
	}
	const p = "/api/v4/projects/{project}" // one segment: its slash is escaped
	m := http.NewServeMux()
	m.HandleFunc("GET "+p+"/issues", func(w http.ResponseWriter, r *http.Request) {
		out := []fields{}
		for _, i := range b.labelled(r.URL.Query().Get("labels")) {
			out = append(out, show(i))
		}
		answer(w, 200, paged(b, w, r, out, "per_page"))
	})
	m.HandleFunc("POST "+p+"/issues", func(w http.ResponseWriter, r *http.Request) {
		v := body(r)
		answer(w, 201, show(b.add(str(v["title"]), str(v["description"]), strs(v["labels"])...)))
	})
	m.HandleFunc("PUT "+p+"/issues/{n}", func(w http.ResponseWriter, r *http.Request) {
		i, v := b.issue(r.PathValue("n")), body(r)
		if s := str(v["state_event"]); s != "" {
			i.set(b, s == "close")
		}
		answer(w, 200, show(i))
	})
	m.HandleFunc("GET "+p+"/issues/{n}/notes", func(w http.ResponseWriter, r *http.Request) {
		out := []fields{{"body": "closed by sdcore:v1", "created_at": stamp(b.now), "system": true}}
		for _, c := range b.issue(r.PathValue("n")).comments {
			out = append(out, fields{"body": c.body, "created_at": stamp(c.at), "system": false})
		}
		answer(w, 200, paged(b, w, r, out, "per_page"))
	})
	m.HandleFunc("POST "+p+"/issues/{n}/notes", func(w http.ResponseWriter, r *http.Request) {
		c := b.issue(r.PathValue("n")).comment(b, str(body(r)["body"]))
		answer(w, 201, fields{"body": c.body, "created_at": stamp(c.at)})
	})
	m.HandleFunc("POST "+p+"/uploads", func(w http.ResponseWriter, r *http.Request) {
		name, data := upload(r, "file")
		link := fmt.Sprintf("/uploads/%d/%s", len(b.files)+1, name)
		b.files[link] = data
		answer(w, 201, fields{"markdown": "[" + name + "](" + link + ")", "url": link, "alt": name})
	})
	return m
}

func giteaFake(b *board) http.Handler {
	show := func(i *boardIssue) fields {
		state := "open"
		if i.closed {
			state = "closed"
		}
		f := fields{"number": i.number, "html_url": fmt.Sprintf("https://gitea.example/ada/pay/issues/%d", i.number), "state": state, "body": i.body,
			"title": i.title, "closed_at": i.stampClosed(), "labels": named(i.labels), "milestone": milestone(i.milestone)}
		maps.DeleteFunc(f, func(_ string, v any) bool { return v == nil }) // null is not described
		return f
	}
	const p = "/api/v1/repos/ada/pay"
	m := http.NewServeMux()
	m.HandleFunc("GET "+p+"/labels", func(w http.ResponseWriter, r *http.Request) {
		answer(w, 200, paged(b, w, r, named(b.labels), "limit"))
	})
	m.HandleFunc("POST "+p+"/labels", func(w http.ResponseWriter, r *http.Request) {
		if b.nolabels {
			answer(w, 404, fields{"message": "no"}) // 403, of which the description does not speak
			return
		}
		b.labels = append(b.labels, str(body(r)["name"]))
		answer(w, 201, fields{"id": len(b.labels), "name": b.labels[len(b.labels)-1]})
	})
	m.HandleFunc("GET "+p+"/issues", func(w http.ResponseWriter, r *http.Request) {
		out := []fields{}
		q := r.URL.Query()
		for _, i := range b.issues {
			if l := q.Get("labels"); l != "" && strings.Contains(strings.Join(i.labels, " "), l) || q.Get("q") != "" && b.nolabels && strings.Contains(i.body, q.Get("q")) {
				out = append(out, show(i))
			}
		}
		answer(w, 200, paged(b, w, r, out, "limit"))
	})
	m.HandleFunc("POST "+p+"/issues", func(w http.ResponseWriter, r *http.Request) {
		v := body(r)
		var labels []string
		for _, id := range v["labels"].([]any) {
			labels = append(labels, b.labels[int(id.(float64))-1])
		}
		answer(w, 201, show(b.add(str(v["title"]), str(v["body"]), labels...)))
	})
	m.HandleFunc("PATCH "+p+"/issues/{n}", func(w http.ResponseWriter, r *http.Request) {
		i, v := b.issue(r.PathValue("n")), body(r)
		if s := str(v["state"]); s != "" {
			i.set(b, s == "closed")
		}
		if s := str(v["body"]); s != "" {
			i.body = s
		}
		answer(w, 201, show(i))
	})
	m.HandleFunc("GET "+p+"/issues/{n}/comments", func(w http.ResponseWriter, r *http.Request) {
		out := []fields{}
		for _, c := range b.issue(r.PathValue("n")).comments {
			out = append(out, fields{"body": c.body, "created_at": stamp(c.at)})
		}
		answer(w, 200, out)
	})
	m.HandleFunc("POST "+p+"/issues/{n}/comments", func(w http.ResponseWriter, r *http.Request) {
		c := b.issue(r.PathValue("n")).comment(b, str(body(r)["body"]))
		answer(w, 201, fields{"body": c.body, "created_at": stamp(c.at)})
	})
	m.HandleFunc("GET "+p+"/issues/{n}/assets", func(w http.ResponseWriter, r *http.Request) {
		out := []fields{}
		for name := range b.issue(r.PathValue("n")).files {
			out = append(out, fields{"name": name})
		}
		answer(w, 200, out)
	})
	m.HandleFunc("POST "+p+"/issues/{n}/assets", func(w http.ResponseWriter, r *http.Request) {
		name, data := upload(r, "attachment")
		i := b.issue(r.PathValue("n"))
		for i.files[name] != nil { // it would be there twice
			name += "+"
		}
		i.files[name] = data
		answer(w, 201, fields{"name": name})
	})
	return m
}

func jiraFake(b *board) http.Handler {
	status := func(closed bool) fields {
		return fields{"statusCategory": fields{"key": map[bool]string{true: "done", false: "new"}[closed]}}
	}
	show := func(i *boardIssue) fields {
		f := fields{"description": i.body, "status": status(i.closed), "resolutiondate": nil, "labels": i.labels, "attachment": []fields{}, "fixVersions": []fields{}}
		for name := range i.files {
			f["attachment"] = append(f["attachment"].([]fields), fields{"filename": name})
		}
		if i.closed {
			f["resolutiondate"] = i.closedAt.Format("2006-01-02T15:04:05.000-0700")
			f["resolution"] = fields{"name": i.resolution}
		}
		if i.milestone != "" {
			f["fixVersions"] = []fields{{"name": i.milestone}}
		}
		return fields{"key": fmt.Sprintf("PAY-%d", i.number), "fields": f}
	}
	const p = "/rest/api/2"
	m := http.NewServeMux()
	m.HandleFunc("GET "+p+"/search", func(w http.ResponseWriter, r *http.Request) { // Data Center: no search/jql
		label := regexp.MustCompile(`labels = "([^"]*)"`).FindStringSubmatch(r.URL.Query().Get("jql"))[1]
		out := []fields{}
		for _, i := range b.labelled(label) {
			out = append(out, show(i))
		}
		answer(w, 200, fields{"issues": out})
	})
	m.HandleFunc("POST "+p+"/issue", func(w http.ResponseWriter, r *http.Request) {
		v := body(r)["fields"].(fields)
		i := b.add(str(v["summary"]), str(v["description"]), strs(v["labels"])...)
		answer(w, 201, fields{"id": "1", "key": fmt.Sprintf("PAY-%d", i.number)})
	})
	m.HandleFunc("PUT "+p+"/issue/{n}", func(w http.ResponseWriter, r *http.Request) {
		b.issue(r.PathValue("n")).body = str(body(r)["fields"].(fields)["description"])
		w.WriteHeader(204)
	})
	m.HandleFunc("GET "+p+"/issue/{n}/comment", func(w http.ResponseWriter, r *http.Request) {
		out := []fields{}
		for _, c := range b.issue(r.PathValue("n")).comments {
			out = append(out, fields{"body": c.body, "created": c.at.Format("2006-01-02T15:04:05.000-0700")})
		}
		answer(w, 200, fields{"total": len(out), "comments": out})
	})
	m.HandleFunc("POST "+p+"/issue/{n}/comment", func(w http.ResponseWriter, r *http.Request) {
		b.issue(r.PathValue("n")).comment(b, str(body(r)["body"]))
		answer(w, 201, fields{"id": "1"})
	})
	m.HandleFunc("GET "+p+"/issue/{n}/transitions", func(w http.ResponseWriter, r *http.Request) {
		answer(w, 200, fields{"transitions": []fields{{"id": "11", "to": status(false)}, {"id": "21", "to": status(true)}}})
	})
	m.HandleFunc("POST "+p+"/issue/{n}/transitions", func(w http.ResponseWriter, r *http.Request) {
		b.issue(r.PathValue("n")).set(b, str(body(r)["transition"].(fields)["id"]) == "21")
		w.WriteHeader(204)
	})
	m.HandleFunc("POST "+p+"/issue/{n}/attachments", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Atlassian-Token") != "no-check" {
			b.t.Error("Jira refuses a form without X-Atlassian-Token")
		}
		name, data := upload(r, "file")
		i := b.issue(r.PathValue("n"))
		for i.files[name] != nil {
			name += "+"
		}
		i.files[name] = data
		answer(w, 200, []fields{{"filename": name}})
	})
	return m
}

func redmineFake(b *board) http.Handler {
	statuses := []fields{{"id": 1, "name": "New", "is_closed": false}, {"id": 5, "name": "Closed", "is_closed": true}, {"id": 6, "name": "Rejected", "is_closed": true}}
	show := func(i *boardIssue) fields {
		f := fields{"id": i.number, "description": strings.ReplaceAll(i.body, "\n", "\r\n"), "status": fields{"id": 1, "name": "New"}, "closed_on": stamp(i.closedAt), "journals": []fields{}, "attachments": []fields{}}
		if i.closed {
			f["status"] = fields{"id": 5, "name": "Closed"}
			if i.reason != "" {
				f["status"] = fields{"id": 6, "name": i.reason}
			}
		}
		if i.milestone != "" {
			f["fixed_version"] = fields{"id": 1, "name": i.milestone}
		}
		for _, c := range i.comments {
			f["journals"] = append(f["journals"].([]fields), fields{"notes": c.body, "created_on": stamp(c.at)})
		}
		for name := range i.files {
			f["attachments"] = append(f["attachments"].([]fields), fields{"filename": name})
		}
		return f
	}
	add := func(i *boardIssue, v fields) {
		list, _ := v["uploads"].([]any)
		for _, x := range list {
			name := str(x.(fields)["filename"])
			for i.files[name] != nil {
				name += "+"
			}
			i.files[name] = b.files[str(x.(fields)["token"])]
		}
	}
	m := http.NewServeMux()
	m.HandleFunc("GET /issue_statuses.json", func(w http.ResponseWriter, r *http.Request) {
		answer(w, 200, fields{"issue_statuses": statuses})
	})
	m.HandleFunc("GET /issues.json", func(w http.ResponseWriter, r *http.Request) {
		out := []fields{}
		for _, i := range b.issues {
			if strings.Contains(i.body, strings.TrimPrefix(r.URL.Query().Get("description"), "~")) {
				out = append(out, show(i))
			}
		}
		answer(w, 200, fields{"issues": out, "total_count": len(out)})
	})
	m.HandleFunc("POST /projects/pay/issues.json", func(w http.ResponseWriter, r *http.Request) {
		v := body(r)["issue"].(fields)
		i := b.add(str(v["subject"]), str(v["description"]))
		add(i, v)
		answer(w, 201, fields{"issue": show(i)})
	})
	m.HandleFunc("GET /issues/{n}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, 200, fields{"issue": show(b.issue(strings.TrimSuffix(r.PathValue("n"), ".json")))})
	})
	m.HandleFunc("PUT /issues/{n}", func(w http.ResponseWriter, r *http.Request) {
		i, v := b.issue(strings.TrimSuffix(r.PathValue("n"), ".json")), body(r)["issue"].(fields)
		if id, ok := v["status_id"].(float64); ok {
			i.set(b, id >= 5)
		}
		if s := str(v["notes"]); s != "" {
			i.comment(b, s)
		}
		add(i, v)
		w.WriteHeader(204)
	})
	m.HandleFunc("POST /uploads.json", func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		token := fmt.Sprint(len(b.files) + 1)
		b.files[token] = data
		answer(w, 201, fields{"upload": fields{"token": token}})
	})
	return m
}
