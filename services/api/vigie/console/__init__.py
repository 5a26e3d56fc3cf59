"""The web console: pages for technicians and practitioners, rendered on the server.

It owns nothing and reaches no database. What a page shows it asks of the REST API, in this process, with the session of whoever
looks (`rest`); what a page does is a form that the browser sends to the REST API itself (`static/forms.js`). So nobody sees or
does here what they could not see or do there, and every page shows that the API is enough (docs/adr/0031).
"""
