"""What people say of a practice: answers, evidence and actions; dated records; supplier questionnaires."""
