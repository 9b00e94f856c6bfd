"""Parts of pages that would make a page too long; like the pages, they know Streamlit."""
