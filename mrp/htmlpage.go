package mrp

import (
	"bytes"
	_ "embed"
)

// assetPageHead opens a page of its own around a fragment of HTML.
//
//go:embed assetpage.html
var assetPageHead []byte

// htmlPage makes a fragment a page that stands alone, given in parts; a document
// stays as it is. Scripts are left working.
func htmlPage(content []byte) [][]byte {
	if isHTMLDocument(content) {
		return [][]byte{content}
	}
	return [][]byte{assetPageHead, content, []byte(assetPageFoot)}
}

const assetPageFoot = "\n</body>\n</html>\n"

// isHTMLDocument says whether content begins, white space and comments aside,
// as a whole document does.
func isHTMLDocument(content []byte) bool {
	content = bytes.TrimPrefix(content, utf8BOM)
	for {
		content = bytes.TrimLeft(content, " \t\r\n\f")
		if !bytes.HasPrefix(content, []byte("<!--")) {
			break
		}
		end := bytes.Index(content, []byte("-->"))
		if end < 0 {
			return false
		}
		content = content[end+len("-->"):]
	}
	for _, opening := range []string{"<!doctype", "<html"} {
		if len(content) >= len(opening) && bytes.EqualFold(content[:len(opening)], []byte(opening)) {
			return true
		}
	}
	return false
}
