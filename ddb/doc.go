// Package ddb holds DynamoDB's nouns: operations and their inputs and outputs, items, values, numbers, keys, tables and
// errors, with their JSON. It imports the standard library only and knows neither sockets nor stores.
//
// A Request and a Response have two sides, JSON bytes and a typed shape, each made from the other at most once. Bytes
// given to NewRequest are borrowed until the front has answered; what DecodeShape makes of them owns its strings, which
// share one private copy of the body.
//
// Values are canonical from the moment they are decoded, so that equal values are equal piece by piece and print as
// equal bytes. Key bytes (AppendKey) order as DynamoDB orders keys; 1 and 1.0 are one key.
//
// What a client may see as a refusal is an *Error with DynamoDB's exact text. Facts that come from elsewhere name their
// source; "assumed" marks the few that do not have one.
package ddb
