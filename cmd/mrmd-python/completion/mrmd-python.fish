# Completion of mrmd-python for fish: mrmd-python --completion fish | source

function __mrmd_python_ids
    mrmd-python --list 2>/dev/null | sed -n '3,$s/ .*//p'
end

complete -c mrmd-python -f
{{- range .}}
complete -c mrmd-python -l {{.Name}}{{if .Shorthand}} -s {{.Shorthand}}{{end}} -d '{{plain .Usage}}'
    {{- if eq .Takes "id"}} -x -a '(__mrmd_python_ids)'
    {{- else if eq .Takes "folder"}} -x -a '(__fish_complete_directories)'
    {{- else if eq .Takes "file"}} -r -F
    {{- else if eq .Takes "choice"}} -x -a '{{.Choices}}'
    {{- else if .Takes}} -x{{end}}
{{- end}}
