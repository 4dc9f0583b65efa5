package main

import (
	"bytes"
	"fmt"
)

// endOfHead ends an HTTP answer's status line and headers.
var endOfHead = []byte("\r\n\r\n")

// httpWhole makes the function whole for HTTP answers with status 200 and a length; right judges a body, and every head
// must hold mark.
func httpWhole(mark string, right func(i int, body []byte) bool) func(i int, buf []byte) (int, error) {
	marked := []byte(mark)
	return func(i int, buf []byte) (int, error) {
		end := bytes.Index(buf, endOfHead)
		if end < 0 {
			return 0, nil
		}
		head := buf[:end+len(endOfHead)]
		if len(head) < 12 || string(head[9:12]) != "200" {
			return 0, fmt.Errorf("answered with %.500q", buf)
		}
		length, ok := contentLength(head)
		if !ok {
			return 0, fmt.Errorf("answer has no length: %.500q", head)
		}
		total := len(head) + length
		if len(buf) < total {
			return 0, nil
		}
		if !bytes.Contains(head, marked) || !right(i, buf[len(head):total]) {
			return 0, fmt.Errorf("answer to request %d is wrong: %.700q", i, buf[:total])
		}
		return total, nil
	}
}

// usualLength is how Go's servers write the header.
var usualLength = []byte("\r\nContent-Length: ")

// contentLength is the length that an answer's head tells.
func contentLength(head []byte) (n int, ok bool) {
	at := bytes.Index(head, usualLength)
	if at < 0 {
		if at = bytes.Index(bytes.ToLower(head), bytes.ToLower(usualLength)); at < 0 {
			return 0, false
		}
	}
	for _, c := range head[at+len(usualLength):] {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// sameBytes makes the function whole for answers that are known to the byte.
func sameBytes(answers [][]byte) func(i int, buf []byte) (int, error) {
	return func(i int, buf []byte) (int, error) {
		want := answers[i]
		if !bytes.HasPrefix(want, buf) && !bytes.HasPrefix(buf, want) {
			return 0, fmt.Errorf("answer to request %d is wrong: %.700q", i, buf)
		}
		if len(buf) < len(want) {
			return 0, nil
		}
		return len(want), nil
	}
}
