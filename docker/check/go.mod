// What checks docker/: see image. Apart from millrace, so that none of it becomes a dependency of it.
module millrace/docker/check

go 1.26.0

require golang.org/x/sync v0.24.0
