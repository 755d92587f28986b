# Completion of mrmd-python for bash: source <(mrmd-python --completion bash)

_mrmd_python() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    case $previous in
{{- range .}}{{if eq .Takes "choice"}}
    --{{.Name}})
        mapfile -t COMPREPLY < <(compgen -W '{{.Choices}}' -- "$current")
        return
        ;;
{{- end}}{{end}}
    {{range $i, $flag := .}}{{if eq .Takes "id"}}{{if ne .Name "id"}} | {{end}}--{{.Name}}{{end}}{{end}})
        mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" --list 2>/dev/null | sed -n '3,$s/ .*//p')" -- "$current")
        return
        ;;
    {{range .}}{{if eq .Takes "folder"}}{{if ne .Name "venv"}} | {{end}}--{{.Name}}{{end}}{{end}})
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
        return
        ;;
    --exec)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    {{range .}}{{if eq .Takes "text"}}{{if ne .Name "port"}} | {{end}}--{{.Name}}{{end}}{{end}})
        return
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W '{{range .}}--{{.Name}} {{if .Shorthand}}-{{.Shorthand}} {{end}}{{end}}' -- "$current")
}
complete -o filenames -F _mrmd_python mrmd-python
