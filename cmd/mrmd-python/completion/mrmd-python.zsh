#compdef mrmd-python
# Completion of mrmd-python for zsh: source <(mrmd-python --completion zsh)

_mrmd_python_ids() {
    local -a ids
    ids=(${(f)"$(${words[1]} --list 2>/dev/null | sed -n '3,$s/ .*//p')"})
    compadd -a ids
}

_mrmd_python() {
    _arguments \
{{- range .}}
        '{{if .Shorthand}}(-{{.Shorthand}} --{{.Name}})'{-{{.Shorthand}},--{{.Name}}}'{{else}}--{{.Name}}{{end}}[{{zshText .Usage}}]
        {{- if eq .Takes "id"}}:id:_mrmd_python_ids
        {{- else if eq .Takes "folder"}}:folder:_files -/
        {{- else if eq .Takes "file"}}:file:_files
        {{- else if eq .Takes "choice"}}:value:({{.Choices}})
        {{- else if .Takes}}:value: {{end}}' \
{{- end}}
        && return
}

if [ "$funcstack[1]" = _mrmd_python ]; then
    _mrmd_python "$@"
else
    compdef _mrmd_python mrmd-python
fi
