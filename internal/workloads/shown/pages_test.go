package shown

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var (
	scriptForm    = regexp.MustCompile(`(?is)<script\b([^>]*)>(.*?)</script>`)
	sourceForm    = regexp.MustCompile(`(?i)\bsrc\s*=\s*["']([^"']*)["']`)
	styleLinkForm = regexp.MustCompile(`(?i)<link\b[^>]*\bhref\s*=\s*["']([^"']*)["']`)
)

// scriptsOf gives all JavaScript of a page, with that of the files it links, and
// demands that none of them is on another host.
func scriptsOf(t *testing.T, page asset) string {
	t.Helper()
	var scripts strings.Builder
	for _, found := range scriptForm.FindAllStringSubmatch(string(page.content), -1) {
		scripts.WriteString(found[2])
		if source := sourceForm.FindStringSubmatch(found[1]); source != nil {
			scripts.Write(getLinked(t, page, source[1]))
		}
	}
	withoutScripts := scriptForm.ReplaceAllString(string(page.content), "")
	for _, found := range styleLinkForm.FindAllStringSubmatch(withoutScripts, -1) {
		getLinked(t, page, found[1])
	}
	return scripts.String()
}

func getLinked(t *testing.T, page asset, link string) []byte {
	t.Helper()
	base, err := url.Parse(page.url)
	if err != nil {
		t.Fatal(err)
	}
	address, err := base.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	if address.Host != "" {
		t.Errorf("%s needs %s", page.url, address)
		return nil
	}
	content, _ := get(t, address.String())
	return content
}

// onlyPage gives the one page that a cell showed, and its scripts.
func onlyPage(t *testing.T, s seen) (page, scripts string) {
	t.Helper()
	if len(s.assets) != 1 || s.assets[0].mimeType != "text/html" {
		t.Fatalf("not one page: %q", s.steps)
	}
	content := string(s.assets[0].content)
	if !strings.HasPrefix(strings.ToLower(strings.TrimSpace(content)), "<!doctype html>") {
		t.Errorf("the page is no document: %.100s", content)
	}
	return content, scriptsOf(t, s.assets[0])
}

func TestPlotly(t *testing.T) {
	for _, showing := range []string{"figure", "figure.show()"} {
		t.Run(showing, func(t *testing.T) {
			s := runCell(t, `
import plotly.express as px
figure = px.scatter(x=[1, 2, 3], y=[7, 8, 9], title="three points")
print("before")
`+showing)
			wantSteps(t, s, "stdout before\n", "asset text/html")
			page, scripts := onlyPage(t, s)
			wantParts(t, "the page", page, "three points", "Plotly.newPlot(")
			wantParts(t, "what the page loads", scripts, "plotly.js v")
		})
	}
}

func TestAltair(t *testing.T) {
	const chart = `
import altair as alt
import pandas as pd
chart = alt.Chart(pd.DataFrame({"a": [1, 2], "b": [30, 40]})).mark_bar().encode(x="a:O", y="b:Q")
`
	// Vega comes from the network, as everywhere but in JupyterLab.
	for _, showing := range []string{"chart", "chart.show()"} {
		s := runCell(t, chart+showing)
		wantSteps(t, s, "asset text/html")
		wantParts(t, "the page", string(s.assets[0].content), `{"a": 2, "b": 40}`, "vegaEmbed(")
	}
	s := runCell(t, chart+"with alt.renderers.enable('mimetype'):\n    display(chart)")
	if len(s.bundles) != 1 || !strings.HasPrefix(typesOf(s.bundles[0]), "application/vnd.vegalite.v") || len(s.assets) != 0 {
		t.Errorf("the Vega-Lite bundle came as %q", s.steps)
	}
	s = runCell(t, chart+"with alt.renderers.enable('svg'):\n    display(chart)")
	wantSteps(t, s, "asset image/svg+xml")
	wantParts(t, "the drawing", string(s.assets[0].content), "<svg ", ">40</text>")
}

func TestBokeh(t *testing.T) {
	const figure = `
from bokeh.layouts import row
from bokeh.models import Slider
from bokeh.plotting import figure, output_notebook, reset_output, show
plot = figure(width=300, height=200, title="a bokeh plot")
plot.line([1, 2, 3], [1, 3, 2])
`
	for _, showing := range []string{
		"show(plot)", "output_notebook()\nshow(row(plot))", "show([plot, Slider(start=0, end=3, value=1)])",
	} {
		t.Run(showing, func(t *testing.T) {
			s := runCell(t, figure+showing+"\nprint('after')")
			wantSteps(t, s, "asset text/html", "stdout after\n")
			page, scripts := onlyPage(t, s)
			wantParts(t, "the page", page, "a bokeh plot")
			wantParts(t, "what the page loads", scripts, "root.Bokeh.embed.embed_items", "BokehJS")
		})
	}
	s := runCell(t, figure+"show(plot)\nshow(row(plot))\nshow(plot)")
	wantSteps(t, s, "asset text/html", "asset text/html", "asset text/html")
}
