package mrp

import (
	"encoding/base64"
	"fmt"
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

// assetBytes is what the file of such a display holds.
func assetBytes(mimeType string, content jsontext.Value) ([]byte, error) {
	text, err := jsontext.AppendUnquote(nil, content)
	// Surrogates that stand alone, which Python can make, have been replaced.
	if err != nil && len(text) == 0 {
		return nil, fmt.Errorf("reading the %s display: %w", mimeType, err)
	}
	switch mimeType {
	case "text/html":
		return htmlPage(text), nil
	case "image/svg+xml":
		return text, nil
	}
	decoded := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(decoded, text)
	if err != nil {
		return nil, fmt.Errorf("the %s display is not base64: %w", mimeType, err)
	}
	return decoded[:n], nil
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
