package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strconv"
	"testing"
)

var update = flag.Bool("update", false, "write schema/gw.schema.json anew")

const schemaFile = "../../schema/gw.schema.json"

// TestSchemaListsExactlyTheKeysOfTheLoader: editors know what Load knows.
// After a change to a table: go test ./master/config -run Schema -update
func TestSchemaListsExactlyTheKeysOfTheLoader(t *testing.T) {
	want := schema()
	if *update {
		write(t, schemaFile, string(want), 0o644)
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the tables of keys say; write it anew with -update", schemaFile)
	}
}

type object = map[string]any

func schema() []byte {
	variable := object{"type": "string", "pattern": `\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}`}
	number := object{"type": "integer", "minimum": 0}
	pool, folder := defaultPool(), defaultStatic()
	listener := defaultListener(Limits{})
	framing := Framing{Delimiter: "\n", LengthBytes: 4, Endian: "big", Counts: "whole"}
	keepAlive := defaultKeepAlive
	webSocket := defaultWebSocket()
	top := table(topKeys, &Config{LogLevel: "info", StdoutFile: "/dev/null"})
	top["$schema"] = "http://json-schema.org/draft-07/schema#"
	top["title"] = "gw.yaml"
	top["description"] = "Configuration of the process manager and socket gateway gw."
	top["definitions"] = object{
		"text":     object{"type": []string{"string", "number", "boolean"}},
		"variable": variable,
		"flag":     object{"anyOf": []any{object{"type": "boolean"}, ref("variable")}},
		"number":   object{"anyOf": []any{number, ref("variable")}},
		"size":     object{"anyOf": []any{number, object{"type": "string", "pattern": sizeText.String()}, ref("variable")}},
		"duration": object{"anyOf": []any{object{"const": 0}, object{"type": "string", "pattern": durationText.String()}, object{"const": "0"}, ref("variable")}},
		"workers":  object{"anyOf": []any{object{"type": "integer", "minimum": 1, "maximum": maxWorkers}, object{"const": "auto"}, ref("variable")}},
		"words": object{"anyOf": []any{
			object{"type": "string", "minLength": 1}, object{"type": "array", "minItems": 1, "items": ref("text")}}},
		"texts":       object{"type": "object", "additionalProperties": object{"anyOf": []any{ref("text"), object{"type": "null"}}}},
		"listen":      object{"type": []string{"string", "integer"}},
		"networks":    object{"anyOf": []any{ref("text"), object{"type": "array", "items": ref("text")}}},
		"paths":       object{"anyOf": []any{ref("text"), object{"type": "array", "items": ref("text")}}},
		"rate":        object{"anyOf": []any{object{"const": 0}, object{"type": "string", "pattern": rateText.String()}, object{"const": "0"}, ref("variable")}},
		"access_log":  object{"anyOf": []any{object{"const": false}, object{"type": "string", "minLength": 1}, table(accessLogKeys, &AccessLog{Format: defaultLogFormat})}},
		"compression": object{"anyOf": []any{ref("flag"), table(compressionKeys, &[]Compression{defaultCompression()}[0])}},
		"cors":        object{"anyOf": []any{object{"const": false}, table(corsKeys, &[]CORS{defaultCORS()}[0])}},
		"headers":     table(headersKeys, &Headers{}),
		"limits":      table(limitKeys, &[]Limits{defaultLimits()}[0]),
		"pools":       object{"type": "object", "minProperties": 1, "propertyNames": object{"pattern": poolName.String()}, "additionalProperties": ref("pool")},
		"pool":        table(poolKeys, &pool),
		"listeners":   object{"type": "array", "items": ref("listener")},
		"listener":    table(listenerKeys, &listener),
		"routes":      object{"type": "array", "items": ref("route")},
		"route":       table(routeKeys, &Route{Prefix: "/"}),
		"framing":     table(slices.Concat(textFramingKeys, frameFramingKeys), &framing),
		"keepalive":   object{"anyOf": []any{ref("flag"), table(keepAliveKeys, &keepAlive)}},

		"tls":          table(tlsKeys, &TLS{MinVersion: "1.2", ClientCertificates: "none"}),
		"certificates": object{"type": "array", "minItems": 1, "items": ref("certificate")},
		"certificate":  table(certificateKeys, &Certificate{}),
		"acme":         table(acmeKeys, &ACME{Directory: letsEncrypt}),

		"endings":   object{"type": "array", "items": object{"type": "string", "pattern": ending.String()}},
		"folders":   object{"anyOf": []any{object{"type": "string"}, object{"type": "array", "items": object{"type": "string"}}}},
		"static":    object{"anyOf": []any{ref("folder"), object{"type": "array", "items": ref("folder")}}},
		"folder":    table(staticKeys, &folder),
		"websocket": table(webSocketKeys, &webSocket),
		"origins":   object{"anyOf": []any{ref("text"), object{"type": "array", "minItems": 1, "items": ref("text")}}},
		"names":     object{"anyOf": []any{ref("text"), object{"type": "array", "items": ref("text")}}},
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(top); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func ref(definition string) object { return object{"$ref": "#/definitions/" + definition} }

// table is the schema of a mapping; the defaults are those of t.
func table[T any](keys []key[T], t *T) object {
	properties, required := object{}, []string{}
	for _, k := range keys {
		property := object{"description": k.doc}
		if k.kind == kindChoice {
			property["anyOf"] = []any{object{"enum": written(k.choices)}, ref("variable")}
		} else {
			property["allOf"] = []any{ref(string(k.kind))}
		}
		if k.must {
			required = append(required, k.name)
		} else if value := k.show(t); isScalar(value) && value != "" {
			property["default"] = value
		}
		properties[k.name] = property
	}
	o := object{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

// written is what YAML makes of the choices when nobody quotes them.
func written(choices []string) (values []any) {
	for _, c := range choices {
		values = append(values, c)
		if number, err := strconv.ParseFloat(c, 64); err == nil {
			values = append(values, number)
		}
	}
	return values
}

func isScalar(value any) bool {
	switch value.(type) {
	case string, bool, int:
		return true
	}
	return false
}
