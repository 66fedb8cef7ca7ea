"""Views of 3D models: meshes, voxels, the renderer, key points."""
