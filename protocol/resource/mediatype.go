package resource

// MediaType is the type of a file by the ending of its name. The table is ours:
// what a machine has in /etc/mime.types must not decide how a site works.
// compressible says that files of this type are worth compressing.
func MediaType(name []byte) (mediaType string, compressible bool) {
	var lower [16]byte
	for i := len(name) - 1; i >= 0 && name[i] != '/' && len(name)-i <= len(lower); i-- {
		if name[i] != '.' {
			continue
		}
		ending := lower[:0]
		for _, c := range name[i+1:] {
			if 'A' <= c && c <= 'Z' {
				c |= 0x20
			}
			ending = append(ending, c)
		}
		if t, ok := mediaTypes[string(ending)]; ok {
			return t.name, t.text
		}
		break
	}
	return "application/octet-stream", false
}

type mediaType struct {
	name string
	text bool // worth compressing
}

var mediaTypes = func() map[string]mediaType {
	types := make(map[string]mediaType)
	for name, endings := range texts {
		for _, ending := range endings {
			types[ending] = mediaType{name, true}
		}
	}
	for name, endings := range packed {
		for _, ending := range endings {
			types[ending] = mediaType{name, false}
		}
	}
	return types
}()

// texts get smaller when they are compressed.
var texts = map[string][]string{
	"text/html; charset=utf-8":                 {"html", "htm", "shtml"},
	"text/css; charset=utf-8":                  {"css"},
	"text/javascript; charset=utf-8":           {"js", "mjs", "cjs"}, // RFC 9239
	"text/plain; charset=utf-8":                {"txt", "text", "log", "conf", "ini", "diff", "patch", "asc"},
	"text/markdown; charset=utf-8":             {"md", "markdown"},
	"text/csv; charset=utf-8":                  {"csv"},
	"text/tab-separated-values; charset=utf-8": {"tsv"},
	"text/calendar; charset=utf-8":             {"ics"},
	"text/vcard; charset=utf-8":                {"vcf"},
	"text/vtt; charset=utf-8":                  {"vtt"},
	"text/xml; charset=utf-8":                  {"xml", "xsl", "xsd"},
	"application/json":                         {"json", "map"},
	"application/manifest+json":                {"webmanifest"},
	"application/ld+json":                      {"jsonld"},
	"application/geo+json":                     {"geojson"},
	"application/x-ndjson":                     {"ndjson", "jsonl"},
	"application/yaml":                         {"yaml", "yml"},
	"application/toml":                         {"toml"},
	"application/rss+xml":                      {"rss"},
	"application/atom+xml":                     {"atom"},
	"application/xhtml+xml":                    {"xhtml"},
	"application/rtf":                          {"rtf"},
	"application/wasm":                         {"wasm"},
	"application/postscript":                   {"ps", "eps", "ai"},
	"application/vnd.ms-fontobject":            {"eot"},
	"application/vnd.apple.mpegurl":            {"m3u8"},
	"application/dash+xml":                     {"mpd"},
	"application/gpx+xml":                      {"gpx"},
	"application/vnd.google-earth.kml+xml":     {"kml"},
	"image/svg+xml":                            {"svg"},
	"image/x-icon":                             {"ico", "cur"},
	"image/bmp":                                {"bmp"},
	"font/ttf":                                 {"ttf"},
	"font/otf":                                 {"otf"},
	"font/collection":                          {"ttc"},
	"model/gltf+json":                          {"gltf"},
}

// packed are compressed already.
var packed = map[string][]string{
	"image/png":                   {"png", "apng"},
	"image/jpeg":                  {"jpg", "jpeg", "jpe", "jfif"},
	"image/gif":                   {"gif"},
	"image/webp":                  {"webp"},
	"image/avif":                  {"avif"},
	"image/jxl":                   {"jxl"},
	"image/heic":                  {"heic"},
	"image/tiff":                  {"tif", "tiff"},
	"audio/mpeg":                  {"mp3"},
	"audio/mp4":                   {"m4a"},
	"audio/aac":                   {"aac"},
	"audio/ogg":                   {"ogg", "oga", "opus"},
	"audio/flac":                  {"flac"},
	"audio/wav":                   {"wav"},
	"audio/webm":                  {"weba"},
	"audio/midi":                  {"mid", "midi"},
	"video/mp4":                   {"mp4", "m4v"},
	"video/mpeg":                  {"mpg", "mpeg"},
	"video/webm":                  {"webm"},
	"video/ogg":                   {"ogv"},
	"video/mp2t":                  {"ts"},
	"video/quicktime":             {"mov"},
	"video/x-matroska":            {"mkv"},
	"video/x-msvideo":             {"avi"},
	"font/woff":                   {"woff"},
	"font/woff2":                  {"woff2"},
	"model/gltf-binary":           {"glb"},
	"application/pdf":             {"pdf"},
	"application/zip":             {"zip"},
	"application/gzip":            {"gz", "tgz"},
	"application/zstd":            {"zst"},
	"application/x-bzip2":         {"bz2"},
	"application/x-xz":            {"xz"},
	"application/x-tar":           {"tar"},
	"application/x-7z-compressed": {"7z"},
	"application/vnd.rar":         {"rar"},
	"application/epub+zip":        {"epub"},
	"application/java-archive":    {"jar", "war"},
	"application/vnd.android.package-archive":                                   {"apk"},
	"application/vnd.debian.binary-package":                                     {"deb"},
	"application/msword":                                                        {"doc"},
	"application/vnd.ms-excel":                                                  {"xls"},
	"application/vnd.ms-powerpoint":                                             {"ppt"},
	"application/vnd.oasis.opendocument.text":                                   {"odt"},
	"application/vnd.oasis.opendocument.spreadsheet":                            {"ods"},
	"application/vnd.oasis.opendocument.presentation":                           {"odp"},
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document":   {"docx"},
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         {"xlsx"},
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": {"pptx"},
}
