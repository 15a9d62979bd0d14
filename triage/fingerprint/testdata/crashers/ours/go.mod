module example.com/ours

go 1.25
