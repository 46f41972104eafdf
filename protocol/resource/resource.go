// Package resource is what RFC 9110 says about answering with a file: which
// file a path means, its media type and validators, the conditions a client
// may set, and the ranges it may ask for.
//
// It owns the judgement and opens nothing. Invariants:
//   - A name that FilePath returned has no empty, "." or ".." segment, no NUL and
//     no backslash: joined to a folder it lies in that folder, symlinks aside.
//   - Ranges that Judge returned lie within the representation and do not overlap.
package resource
