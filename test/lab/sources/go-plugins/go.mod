module example.com/lab

go 1.18

require example.com/dep v1.0.0

replace example.com/dep v1.0.0 => ./dependency-1.0.0
