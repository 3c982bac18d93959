module example.com/lab

go 1.18

require example.com/dep v1.1.0

replace example.com/dep v1.1.0 => ./dependency-1.1.0
