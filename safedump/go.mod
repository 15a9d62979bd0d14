module github.com/safedump/sdcore/safedump

go 1.21
