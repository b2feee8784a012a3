module anttrail

go 1.18
