package mrp

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/oasdiff/yaml"
)

// TestOpenAPI holds docs/openapi.yaml to the routes, and what is served to it.
func TestOpenAPI(t *testing.T) {
	text, err := os.ReadFile("../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	document, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(t.Context()); err != nil {
		t.Errorf("docs/openapi.yaml is no OpenAPI document: %v", err)
	}
	rt := serve(t)
	var routed, described []string
	parameter := regexp.MustCompile(`[:*](\w+)`)
	for _, r := range rt.handler.routes() {
		routed = append(routed, r.method+" "+parameter.ReplaceAllString(r.fullPath(), "{$1}"))
	}
	for path, item := range document.Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	slices.Sort(routed)
	slices.Sort(described)
	if !slices.Equal(routed, described) {
		t.Errorf("docs/openapi.yaml describes\n%q\nand the routes are\n%q", described, routed)
	}
	plain, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	served := jsontext.Value(plain)
	if err := served.Canonicalize(); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("openapi.json", append(served, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got := rt.do("GET", "/openapi.json", "")
	if got.status != 200 || got.header.Get("Content-Type") != "application/json" || !bytes.Equal(bytes.TrimSpace(got.body), served) {
		t.Error("/openapi.json is not docs/openapi.yaml; make it anew with: go test ./mrp -run TestOpenAPI -update")
	}
	var object map[string]any
	if err := json.Unmarshal(got.body, &object); err != nil {
		t.Error(err)
	}
}
