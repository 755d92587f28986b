module github.com/mrmd/mrmd-python

go 1.26.0

require (
	github.com/DataDog/go-python3 v0.0.0-20211102160307-40adc605f1fe
	github.com/creack/pty v1.1.24
	github.com/go-json-experiment/json v1.27.2
	github.com/julienschmidt/httprouter v1.3.0
	github.com/rogpeppe/go-internal v1.16.0
	github.com/sirupsen/logrus v1.10.2
	github.com/spf13/pflag v1.1.0
	github.com/yuin/goldmark v1.8.7
	golang.org/x/sys v0.49.0
)

require golang.org/x/tools v0.26.0 // indirect
