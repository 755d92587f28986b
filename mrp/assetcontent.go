package mrp

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// assetPreference lists the types that become files, the ones a notebook would
// rather show first: a page says more than a picture of it, and a drawing that
// scales more than pixels. Any other image type comes after these.
var assetPreference = []string{
	"text/html", "image/svg+xml", "image/png", "image/jpeg", "image/webp", "image/gif",
}

// assetContent picks what of a bundle is saved; "" when there is nothing that
// becomes a file.
func assetContent(data map[string]jsontext.Value) (mimeType string, content jsontext.Value) {
	for _, mimeType := range assetPreference {
		if content, ok := data[mimeType]; ok && content.Kind() == '"' {
			return mimeType, content
		}
	}
	for candidate, value := range data {
		if strings.HasPrefix(candidate, "image/") && value.Kind() == '"' && (mimeType == "" || candidate < mimeType) {
			mimeType, content = candidate, value
		}
	}
	return mimeType, content
}

// assetBody is what the file of such a display holds. It may be large, and is not
// put together in memory.
type assetBody struct {
	mimeType string
	// text is the page, the drawing, or the picture in base64.
	text []byte
}

func newAssetBody(mimeType string, content jsontext.Value) (assetBody, error) {
	if inner := content[1 : len(content)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return assetBody{mimeType, inner}, nil
	}
	text, err := jsontext.AppendUnquote(nil, content)
	// Surrogates that stand alone, which Python can make, have been replaced.
	if err != nil && len(text) == 0 {
		return assetBody{}, fmt.Errorf("reading the %s display: %w", mimeType, err)
	}
	return assetBody{mimeType, text}, nil
}

// WriteTo implements io.WriterTo.
func (b assetBody) WriteTo(w io.Writer) (int64, error) {
	parts := [][]byte{b.text}
	switch b.mimeType {
	case "text/html":
		parts = htmlPage(b.text)
	case "image/svg+xml":
	default:
		written, err := io.Copy(w, base64.NewDecoder(base64.StdEncoding, bytes.NewReader(b.text)))
		var corrupt base64.CorruptInputError
		if errors.As(err, &corrupt) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("the %s display is not base64: %w", b.mimeType, err)
		}
		return written, err
	}
	var total int64
	for _, part := range parts {
		written, err := w.Write(part)
		total += int64(written)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

var assetExtensions = map[string]string{
	"text/html": "html", "image/svg+xml": "svg", "image/png": "png", "image/jpeg": "jpg",
	"image/webp": "webp", "image/gif": "gif", "image/bmp": "bmp", "image/tiff": "tiff", "image/avif": "avif",
	"image/x-icon": "ico", "image/vnd.microsoft.icon": "ico",
}

// assetExtension is a file's extension; types nobody has heard of have none that
// a program could act on.
func assetExtension(mimeType string) string {
	if extension, ok := assetExtensions[mimeType]; ok {
		return extension
	}
	return "img"
}

// assetType is the protocol's word for a type.
func assetType(mimeType string) string {
	switch {
	case strings.HasPrefix(mimeType, "image/"):
		return "image"
	case mimeType == "text/html":
		return "html"
	default:
		return "file"
	}
}
