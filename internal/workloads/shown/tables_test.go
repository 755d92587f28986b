package shown

import (
	"testing"
)

func TestPandas(t *testing.T) {
	const frame = `
import pandas as pd
frame = pd.DataFrame({"name": ["Ada", "<Bob>"], "height": [1.7, 1.82]})
`
	t.Run("table", func(t *testing.T) {
		s := runCell(t, frame+"frame")
		wantSteps(t, s, "asset text/html")
		page, _ := onlyPage(t, s)
		wantParts(t, "the page", page, "<table", "<th>height</th>", "<td>Ada</td>", "&lt;Bob&gt;", "<td>1.82</td>", "border-collapse")
		const text = "    name  height\n0    Ada    1.70\n1  <Bob>    1.82"
		compare(t, "the result", s.result, text)
		compare(t, "the text", s.bundles[0]["text/plain"].(string), text)
	})
	t.Run("tables in order with text", func(t *testing.T) {
		s := runCell(t, frame+"print('all')\ndisplay(frame)\nprint('first')\nframe.head(1)")
		wantSteps(t, s, "stdout all\n", "asset text/html", "stdout first\n", "asset text/html")
	})
	t.Run("column", func(t *testing.T) {
		s := runCell(t, frame+"frame['height']")
		wantSteps(t, s)
		wantParts(t, "the result", s.result, "Name: height, dtype: float64")
	})
	t.Run("Styler", func(t *testing.T) {
		s := runCell(t, frame+"frame.style.highlight_max('height', color='gold').set_caption('people').format(precision=1)")
		wantSteps(t, s, "asset text/html")
		page, _ := onlyPage(t, s)
		wantParts(t, "the page", page, `<style type="text/css">`, "background-color: gold", "<caption>people</caption>", ">1.8</td>")
	})
	t.Run("long table", func(t *testing.T) {
		s := runCell(t, "import pandas as pd\npd.DataFrame({'n': range(1000)})")
		page, _ := onlyPage(t, s)
		wantParts(t, "the page", page, "1000 rows × 1 columns", "<td>999</td>", "<td>...</td>")
	})
}

func TestPolars(t *testing.T) {
	const frame = "import polars as pl\nframe = pl.DataFrame({'name': ['Ada', 'Bob'], 'height': [1.7, 1.82]})\n"
	s := runCell(t, frame+"frame")
	wantSteps(t, s, "asset text/html")
	page, _ := onlyPage(t, s)
	wantParts(t, "the page", page, "<table", "height", "&quot;Ada&quot;", "<td>1.82</td>")
	wantParts(t, "the result", s.result, "shape: (2, 2)", "│ Ada  ┆ 1.7    │")
	s = runCell(t, frame+"frame['height']")
	wantSteps(t, s, "asset text/html")
	wantParts(t, "the result", s.result, "Series: 'height' [f64]")
	s = runCell(t, frame+"frame.lazy().filter(pl.col('height') > 1.8).collect()")
	wantParts(t, "the result", s.result, "│ Bob  ┆ 1.82   │")
}
