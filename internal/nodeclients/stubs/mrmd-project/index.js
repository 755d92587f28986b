/** What RuntimeService asks of a project: which session a document belongs to. */
export const Project = {
  mergeConfig(projectConfig, frontmatter) {
    return { ...projectConfig, ...frontmatter };
  },

  resolveSession(documentPath, projectRoot, config) {
    return {
      name: `${config.name}:python:default`,
      language: 'python',
      cwd: projectRoot,
      venv: config.venv,
      autoStart: true,
    };
  },
};
