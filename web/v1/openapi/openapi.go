// Package openapi writes an OpenAPI 3.1 document from operations as data and Go types by reflection, so that it cannot
// say anything else than what is served.
package openapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// Operation is one method of one path. Path is in Fiber's spelling ("/tables/:name").
type Operation struct {
	Method, Path string
	ID, Summary  string
	Permission   string // x-permission
	Scope        string // x-scope; "" = any
	Parameters   []Parameter
	Body         any      // a value of the type of the JSON body; nil = none
	BodyAlso     string   // another media type that the body may have
	Answer       any      // a value of the type of the answer; nil = none
	Media        []string // media types of the answer; default application/json
	Status       int      // of success; default 200
	Also         []int    // other statuses that the caller should expect
}

// Parameter is one of a path or query.
type Parameter struct {
	Name, In, Type, Description string
}

// Query is an optional parameter of the query.
func Query(name, kind, description string) Parameter {
	return Parameter{Name: name, In: "query", Type: kind, Description: description}
}

// Path is a parameter of the path.
func Path(name, description string) Parameter {
	return Parameter{Name: name, In: "path", Type: "string", Description: description}
}

type object = map[string]any

// Document writes the document. problem is a value of the type that every error has.
func Document(title, version string, operations []Operation, problem any) ([]byte, error) {
	said, err := readWords()
	if err != nil {
		return nil, err
	}
	w := writer{schemas: object{}, said: said}
	problemSchema := w.schema(reflect.TypeOf(problem))
	paths := object{}
	for _, o := range operations {
		path := parameter.ReplaceAllString(o.Path, "{$1}")
		item, ok := paths[path].(object)
		if !ok {
			item = object{}
			paths[path] = item
		}
		item[strings.ToLower(o.Method)] = w.operation(o, problemSchema)
	}
	document := object{
		"openapi": "3.1.0",
		"info":    object{"title": title, "version": version},
		"paths":   paths,
		"components": object{"schemas": w.schemas,
			"securitySchemes": object{"bearer": object{"type": "http", "scheme": "bearer"}}},
	}
	body, err := json.MarshalIndent(document, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write the OpenAPI document: %w", err)
	}
	return body, nil
}

var parameter = regexp.MustCompile(`:([a-z0-9_]+)`)

type writer struct {
	schemas object
	said    words
}

func (w writer) operation(o Operation, problem object) object {
	out := object{"operationId": o.ID, "summary": o.Summary, "x-permission": o.Permission}
	if o.Permission != "public" {
		out["security"] = []object{{"bearer": []string{}}}
	}
	if o.Scope != "" {
		out["x-scope"] = o.Scope
	}
	if len(o.Parameters) > 0 {
		var list []object
		for _, p := range o.Parameters {
			list = append(list, object{"name": p.Name, "in": p.In, "required": p.In == "path", "description": p.Description, "schema": object{"type": p.Type}})
		}
		out["parameters"] = list
	}
	if o.Body != nil {
		content := object{"application/json": object{"schema": w.schema(reflect.TypeOf(o.Body))}}
		if o.BodyAlso != "" {
			content[o.BodyAlso] = object{}
		}
		out["requestBody"] = object{"required": true, "content": content}
	}
	out["responses"] = w.responses(o, problem)
	return out
}

func (w writer) responses(o Operation, problem object) object {
	success := o.Status
	if success == 0 {
		success = http.StatusOK
	}
	first := object{"description": http.StatusText(success)}
	media := o.Media
	if media == nil && o.Answer != nil {
		media = []string{"application/json"}
	}
	content := object{}
	for _, m := range media {
		entry := object{}
		if o.Answer != nil && (strings.HasSuffix(m, "json") || strings.HasPrefix(m, "text/event")) {
			entry["schema"] = w.schema(reflect.TypeOf(o.Answer))
		}
		content[m] = entry
	}
	if len(content) > 0 {
		first["content"] = content
	}
	responses := object{strconv.Itoa(success): first}
	faults := append([]int{http.StatusTooManyRequests, http.StatusInternalServerError}, o.Also...)
	if o.Permission != "public" {
		faults = append(faults, http.StatusUnauthorized)
	}
	if o.Scope != "" {
		faults = append(faults, http.StatusForbidden)
	}
	for _, status := range faults {
		answer := object{"description": http.StatusText(status)}
		if status >= http.StatusBadRequest {
			answer["content"] = object{"application/problem+json": object{"schema": problem}}
		}
		responses[strconv.Itoa(status)] = answer
	}
	return responses
}

// schema describes a type; structs become components.
func (w writer) schema(t reflect.Type) object {
	switch t.Kind() {
	case reflect.Pointer:
		return object{"anyOf": []object{w.schema(t.Elem()), {"type": "null"}}}
	case reflect.Struct:
		if _, known := w.schemas[t.Name()]; !known {
			w.schemas[t.Name()] = object{} // against endless recursion
			w.schemas[t.Name()] = w.object(t)
		}
		return object{"$ref": "#/components/schemas/" + t.Name()}
	case reflect.Slice, reflect.Array:
		return object{"type": "array", "items": w.schema(t.Elem())}
	case reflect.Map:
		return object{"type": "object"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int32, reflect.Int64:
		return object{"type": "integer", "format": "int64"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.String:
		return object{"type": "string"}
	default:
		return object{} // any
	}
}

func (w writer) object(t reflect.Type) object {
	properties, required := object{}, []string{}
	w.fields(t, func(name string, optional bool, schema object) {
		if said := w.said.of(t.Name(), name); said != "" {
			schema["description"] = said
		}
		properties[name] = schema
		if !optional {
			required = append(required, name)
		}
	})
	return object{"type": "object", "description": w.said[t.Name()], "properties": properties, "required": required}
}

// fields visits the JSON members of a struct, those of embedded ones as its own.
func (w writer) fields(t reflect.Type, visit func(name string, optional bool, schema object)) {
	for f := range fieldsOf(t) {
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case f.Anonymous && tag == "":
			w.fields(f.Type, visit)
		case name != "-" && f.IsExported():
			visit(name, strings.Contains(options, "omitempty"), w.schema(f.Type))
		}
	}
}

func fieldsOf(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}
