"""How is one chunk screened?"""
