"""Streamlit components of this package: each a folder with its Python, JavaScript and CSS.

They read their files themselves: Streamlit serves a component's files only from an installed package.
"""
