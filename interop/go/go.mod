module mmstats

go 1.19
