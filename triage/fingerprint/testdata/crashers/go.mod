module example.com/crashers

go 1.25

require (
	example.com/ours v0.0.0
	example.com/third v1.0.0
)

replace example.com/ours => ./ours
