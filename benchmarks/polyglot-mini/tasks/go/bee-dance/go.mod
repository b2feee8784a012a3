module beedance

go 1.18
